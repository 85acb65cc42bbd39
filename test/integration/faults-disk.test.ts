import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync } from 'node:fs'
import { readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { parseYaml } from '../../pkg/config/yaml.ts'
import {
  conditionOf,
  closeAll,
  closing,
  follow,
  folderOf,
  methodsOf,
  start,
} from '../support/controller.ts'
import { startLiveSidecar } from '../support/live-sidecar.ts'
import { endPrograms, makePlace } from '../support/programs.ts'
import { policyText } from '../support/state-folder.ts'
import { until } from '../support/until.ts'

afterEach(async () => {
  await closeAll()
  endPrograms()
})

/** Mounts a disk of so many KiB there; undefined where this user may not. */
function mountDisk(at: string, kib: number): (() => void) | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kib}k`, 'tmpfs', at], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  return () => execFileSync('umount', ['--lazy', at])
}

const probe = mkdtempSync(path.join(tmpdir(), 'tokenward-disk-'))
const unmountProbe = mountDisk(probe, 64)
unmountProbe?.()
rmSync(probe, { recursive: true })
const mayMount = unmountProbe !== undefined

/** Fills what is left of a disk, whoever may remove the file; gives what makes room again. */
function fill(folder: string): () => void {
  const file = path.join(folder, 'filler')
  const open = openSync(file, 'w')
  for (const size of [4096, 512, 1]) {
    try {
      for (;;) writeSync(open, Buffer.alloc(size))
    } catch {
      // Full for this size.
    }
  }
  return () => {
    closeSync(open)
    rmSync(file, { force: true })
  }
}

test.skipIf(!mayMount)(
  'a sidecar whose disk is full goes on, says so once, and keeps state again',
  async () => {
    const place = makePlace()
    closing(() => place[Symbol.dispose]())
    const unmount = mountDisk(place.at('state'), 64)
    closing(() => unmount?.())
    await using live = await startLiveSidecar(place)
    const file = place.at('state/policy.json')
    const kept = (): string => JSON.stringify(JSON.parse(readFileSync(file, 'utf8')))
    await until('the state is kept', () => existsSync(file))
    const before = kept()
    const makeRoom = fill(place.at('state'))
    const warnings = (): number =>
      live.program().stdout().split('the state cannot be kept').length - 1
    for (let count = 100; count < 106; count += 1) {
      live.publish(count)
      await until('it is applied', async () => {
        const { text } = await live.get('/')
        const view = await fetch(`http://127.0.0.1:${live.adminPort}/policy`)
        const { sections } = (await view.json()) as { sections: { addresses: object } }
        return text === 'ok' && Object.keys(sections.addresses).length === count
      })
      expect(kept()).toBe(before)
    }
    await until('it is said', () => warnings() > 0)
    expect(warnings()).toBe(1)
    await until('no half of a file is left', () => !existsSync(`${file}.tmp`))
    makeRoom()
    live.publish(107)
    await until('it is kept again', () => kept() !== before)
    expect(JSON.parse(kept())).toMatchObject({ line: { revision: { versions: { Pod: 8 } } } })
  },
)

test.skipIf(!mayMount)(
  'a controller whose disk is full enforces edits, says so once, and writes status later',
  async () => {
    const state = folderOf(['orders', 'payments'])
    mkdirSync(path.join(state.stateFolder, 'status'))
    const disks = ['status', 'last-good', 'keys'].map((name) => path.join(state.stateFolder, name))
    for (const disk of disks) {
      mkdirSync(disk, { recursive: true })
      const unmount = mountDisk(disk, 64)
      closing(() => unmount?.())
    }
    state.write('p.yaml', policyText('payments', 'orders'))
    const log: string[] = []
    const payments = follow(state, await start(state, {}, log), 'payments')
    const status = 'AccessPolicy/shop.payments.yaml'
    await until(
      'the status',
      () => conditionOf(state, status, 'Programmed')?.startsWith('True') === true,
    )
    const rooms = disks.map(fill)
    const keptStatus = readFileSync(path.join(state.stateFolder, 'status', status), 'utf8')
    for (const method of ['PUT', 'POST', 'PATCH']) {
      state.write('p.yaml', policyText('payments', 'orders', [method]))
      await until('it is enforced', () => methodsOf(payments.latest())[0] === method)
    }
    const said = (words: string): number => log.filter((line) => line.includes(words)).length
    await until('it is said', () => said('status cannot be written') > 0)
    await until('and of the texts', () => said('the last whole texts cannot be kept') > 0)
    expect(readFileSync(path.join(state.stateFolder, 'status', status), 'utf8')).toBe(keptStatus)
    // Every round of writing that an edit or an acknowledgement asks for comes within 50 ms.
    const enforcedAtMs = performance.now()
    await until(
      'nothing is left that would write anyway',
      () => performance.now() > enforcedAtMs + 500,
    )
    for (const makeRoom of rooms) makeRoom()
    const generation = (): unknown => {
      const text = readFileSync(path.join(state.stateFolder, 'status', status), 'utf8')
      const { value } = parseYaml(text).documents[0] ?? {}
      return (value as { status: { observedGeneration: number } }).status.observedGeneration
    }
    await until('the status follows with no other change', () => generation() === 2)
    const lastGood = path.join(state.stateFolder, 'last-good')
    await until('so do the whole texts', () =>
      readdirSync(lastGood)
        .filter((name) => /^[0-9a-f]{64}$/.test(name))
        .some((name) => readFileSync(path.join(lastGood, name), 'utf8').includes('PATCH')),
    )
    expect(said('status cannot be written')).toBe(1)
    expect(said('the last whole texts cannot be kept')).toBe(1)
  },
)

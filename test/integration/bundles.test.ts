import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createServer, type AddressInfo } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { makePlace } from '../support/programs.ts'

const processes = ['authority', 'cli', 'controller', 'redirect', 'sidecar', 'webhook']

beforeAll(() => {
  const made = spawnSync('node', ['cmd/bundle/main.ts'], { encoding: 'utf8' })
  expect(made.stderr).toBe('')
  expect(made.status).toBe(0)
}, 60_000)

describe.each(processes)('the bundle of %s', (name) => {
  test('starts from an empty folder with nothing beside it', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'tokenward-bundle-'))
    copyFileSync(`dist/${name}.mjs`, path.join(folder, `${name}.mjs`))
    const run = spawnSync(process.execPath, [`${name}.mjs`, '--help'], {
      cwd: folder,
      encoding: 'utf8',
      env: {},
    })
    expect(run.stderr).toBe('')
    expect(run.stdout).toContain('Usage')
    expect(run.status).toBe(0)
    expect(readdirSync(folder)).toEqual([`${name}.mjs`])
  })
})

/** npm packages whose files are in a bundle. */
function packagesOf(name: string): Set<string> {
  const inputs = JSON.parse(readFileSync(`dist/${name}.inputs.json`, 'utf8')) as string[]
  return new Set(
    inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []),
  )
}

test('the bundle of the sidecar holds only what a sidecar needs', () => {
  const kept = [...packagesOf('sidecar')]
  const unwanted = ['ajv', 'commander', 'express', 'jose', 'node-forge', 'pg', 'undici']
  expect(kept.filter((name) => unwanted.includes(name))).toEqual([])
  expect(kept).toContain('lru-cache')
})

test('only the authority and the controller bundle what fetches keys', () => {
  expect(packagesOf('authority')).toContain('undici')
  expect(packagesOf('controller')).toContain('undici')
})

describe('the native module of the sidecar', () => {
  /** The exit code and what is said where redirected connections are asked for and the first port is taken. */
  async function start(withModule: boolean): Promise<{ status: number | null; stderr: string }> {
    using place = makePlace()
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const sidecar = path.join(place.folder, 'sidecar.mjs')
    copyFileSync('dist/sidecar.mjs', sidecar)
    if (withModule) {
      for (const libc of ['linux', 'musl']) {
        const folder = `${libc}_${process.arch}`
        cpSync(`dist/${folder}`, path.join(place.folder, folder), { recursive: true })
      }
    }
    const flags = place.flags('sidecar', {
      interception: 'redirect',
      inbound: undefined,
      'outbound-address': undefined,
      'admin-address': `127.0.0.1:${(taken.address() as AddressInfo).port}`,
    })
    const ran = spawnSync(process.execPath, [sidecar, ...flags], { encoding: 'utf8', env: {} })
    taken.close()
    return ran
  }

  test('is asked for only where connections are redirected, and its lack is said in one line', async () => {
    const { status, stderr } = await start(false)
    expect(status).toBe(66)
    expect(stderr).toMatch(/^sidecar: --interception redirect: the native module .*\n$/)
  })

  test('is found beside the bundle', async () => {
    const { status, stderr } = await start(true)
    // Or the kernel of this machine follows no connections: then the module has asked it.
    expect(status === 69 ? stderr : stderr.match(/the kernel does not tell/)?.[0]).toBeTruthy()
  })
})

import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalRecord } from '../../pkg/local/record.ts'
import { freePorts } from '../support/free-ports.ts'
import { copyShop } from '../support/shop-copy.ts'
import { openTap, type Tap } from './tap.ts'

const repository = join(import.meta.dirname, '..', '..')
const workloads = ['web', 'orders', 'payments', 'reports'] as const
type Workload = (typeof workloads)[number]

/** The shop of examples/, copied and started with ports of its own. */
export interface Shop {
  readonly folder: string
  readonly stateFolder: string
  /** What `local.json` says now. */
  record(): LocalRecord
  /** Where a workload is called, through its sidecar. */
  inbound(name: Workload): string
  /** The proxy that its app is given. */
  proxy(name: Workload): string
  readonly taps: Readonly<Record<Workload, Tap>>
  readonly issuer: string
  /** Ends one process in order; resolves when it is gone. It stays down until `startDown`. */
  end(process: string): Promise<void>
  /** Starts whatever is down; resolves when that process runs. */
  startDown(process: string): Promise<void>
  /** All that `tokenward local` has printed. */
  printed(): string
  stop(): Promise<void>
}

/** Copies examples/shop to a temporary folder and runs `tokenward local` on it. */
export async function startShop(): Promise<Shop> {
  const root = mkdtempSync(join(tmpdir(), 'tokenward-demo-'))
  const folder = join(root, 'shop')
  const stateFolder = join(root, 'state')
  const onOwnPorts = await copyShop(folder)
  const taps = await tapApps(folder)

  const child = spawn(
    process.execPath,
    [join(repository, 'cmd/cli/main.ts'), 'local', folder, '--state', stateFolder, '-o', 'json'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  }
  const record = (): LocalRecord =>
    JSON.parse(readFileSync(join(stateFolder, 'local.json'), 'utf8')) as LocalRecord
  const pidOf = (name: string): number | undefined =>
    record().processes.find((each) => each.name === name)?.pid
  const workload = (name: Workload) => {
    const found = record().workloads.find((each) => each.workload === `shop/${name}`)
    if (found === undefined) throw new Error(`no workload ${name}`)
    return found
  }
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
    }
    for (const tap of Object.values(taps)) tap.close()
    rmSync(root, { recursive: true, force: true })
  }
  try {
    await untilStarted(child)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    folder,
    stateFolder,
    record,
    inbound: (name) => workload(name).inbound,
    proxy: (name) => workload(name).proxy,
    taps,
    issuer: onOwnPorts('http://127.0.0.1:7090'),
    async end(name) {
      const pid = pidOf(name)
      if (pid === undefined) throw new Error(`${name} does not run`)
      process.kill(pid, 'SIGTERM')
      await until(`${name} to end`, () => pidOf(name) === undefined)
    },
    async startDown(name) {
      child.kill('SIGUSR2')
      await until(`${name} to start`, () => pidOf(name) !== undefined)
    },
    printed: () => printed,
    stop,
  }
}

/** Polls until it is so; rejects after twenty seconds. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Puts a tap in front of every app of the copy. */
async function tapApps(folder: string): Promise<Record<Workload, Tap>> {
  const file = join(folder, 'local.yaml')
  const ports = await freePorts(workloads)
  const taps = {} as Record<Workload, Tap>
  let text = readFileSync(file, 'utf8')
  for (const name of workloads) {
    taps[name] = await openTap(ports[name])
    text = text.replace(
      `app: { command: [node, apps/${name}.ts] }`,
      `app: { address: "127.0.0.1:${taps[name].port}", env: { PORT: ${ports[name]} }, command: [node, apps/${name}.ts] }`,
    )
  }
  writeFileSync(file, text)
  return taps
}

function untilStarted(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let out = ''
    const messages: string[] = []
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString()
      // The one answer of `-o json`: whole when everything serves.
      if (out.trimEnd().endsWith('\n}')) resolve()
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      messages.push(chunk.toString())
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`the shop did not start:\n${messages.join('')}`)))
  })
}

/** A pod with its sidecar in this network namespace, an app in it, and a peer in the other one. */
import { spawn, spawnSync, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import type { WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import { ca, generationOf, podToken, policyOf, startDiscovery } from '../support/discovery.ts'
import { until } from '../support/until.ts'

const users = { sidecar: 15400, app: 1000 }

const root = path.resolve(import.meta.dirname, '../..')
const peer = process.env['TOKENWARD_NETNS_PEER'] ?? ''

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the bundle of `redirect` in this namespace. */
export function runRedirect(argv: readonly string[] = [], as: { uid?: number } = {}): Ran {
  return spawnSync(process.execPath, [`${root}/dist/redirect.mjs`, ...argv], {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    ...as,
  })
}

export function program(name: string, ...argv: string[]): string {
  return spawnSync(name, argv, { encoding: 'utf8' }).stdout
}

export interface Dialled {
  readonly heard: string
  readonly error?: string
}

export interface Dialling {
  readonly host: string
  readonly port: number
  readonly say?: string
  /** Keep reading until this is heard; absent: until the end. */
  readonly until?: string
  readonly from?: string
}

const dialler = path.join(import.meta.dirname, 'dial.ts')

function dial(command: readonly string[], what: Dialling, uid: number): Promise<Dialled> {
  const [file = '', ...argv] = [...command, process.execPath, dialler, JSON.stringify(what)]
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, { uid, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.on('error', reject)
    child.on('close', () => {
      try {
        resolve(JSON.parse(text) as Dialled)
      } catch (error) {
        reject(new Error(`the dialler said ${text}`, { cause: error }))
      }
    })
  })
}

/** Dials as somebody in another pod. */
export function fromPeer(what: Dialling): Promise<Dialled> {
  return dial(['nsenter', `--net=/run/netns/${peer}`], what, 0)
}

/** Dials as the app; `uid` for another container. */
export function fromPod(what: Dialling, uid = users.app): Promise<Dialled> {
  return dial([], what, uid)
}

const children = new Set<ChildProcess>()

/**
 * Starts test/netns/serve.ts: a server that answers HTTP with what it heard, and what else `kind` says.
 * In the peer it stands for another pod.
 */
export async function serve(
  where: 'pod' | 'peer',
  what: { readonly host: string; readonly port: number; readonly kind: string },
): Promise<void> {
  const command = where === 'pod' ? [] : ['nsenter', `--net=/run/netns/${peer}`]
  const script = path.join(import.meta.dirname, 'serve.ts')
  const [file = '', ...argv] = [...command, process.execPath, script, JSON.stringify(what)]
  const child = spawn(file, argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(where === 'pod' ? { uid: users.app } : {}),
  })
  children.add(child)
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await until(`${what.kind} listens`, () => said.includes('listening'))
}

/** A program that runs: `redirect` that waits, or a sidecar. */
export interface Running {
  /** Log and audit lines. */
  readonly lines: () => string
  readonly stderr: () => string
  /** Ends it by SIGTERM, with what it says of itself: the exit code. */
  readonly stop: () => Promise<number | null>
  /** The exit code, once it has ended. */
  readonly ended: Promise<number | null>
}

export interface Pod {
  startSidecar(flags: Readonly<Record<string, string>>): Running
  readonly close: () => Promise<void>
}

function watch(child: ChildProcessByStdio<null, Readable, Readable>): Running {
  children.add(child)
  let lines = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (lines += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const stop = (): Promise<number | null> => {
    child.kill('SIGTERM')
    return ended
  }
  return { lines: () => lines, stderr: () => stderr, stop, ended }
}

/** `redirect` as it runs in a pod: it waits for the sidecar. */
export function startRedirect(): Running {
  const argv = [`${root}/dist/redirect.mjs`, '--await-sidecar=127.0.0.1:15490']
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  return watch(spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'pipe'] }))
}

/** A controller, tokens and folders for one sidecar; the programs are those of dist/. */
export async function makePod(change: (policy: WorkloadPolicy) => WorkloadPolicy): Promise<Pod> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-netns-'))
  const at = (name: string): string => path.join(folder, name)
  const controller = await startDiscovery()
  controller.index.publish(generationOf(1, { 'orders-0': change(policyOf({})) }))
  writeFileSync(at('discovery'), podToken('orders-0'))
  writeFileSync(at('assertion'), podToken('orders-0', { audience: 'tokenward:authority' }))
  cpSync(`${root}/dist`, at('dist'), { recursive: true })
  mkdirSync(at('state'))
  for (const name of ['', 'discovery', 'assertion', 'state']) {
    chownSync(at(name), users.sidecar, users.sidecar)
  }
  return {
    startSidecar(flags) {
      const uid = users.sidecar
      const all = {
        controllers: controller.url,
        authority: 'https://127.0.0.1:9',
        'discovery-token-file': at('discovery'),
        'authority-token-file': at('assertion'),
        'log-level': 'debug',
        ...flags,
      }
      const child = spawn(
        process.execPath,
        [
          at('dist/sidecar.mjs'),
          ...Object.entries(all).map(([name, value]) => `--${name}=${value}`),
        ],
        { uid, gid: uid, env: { TOKENWARD_CA_BUNDLE: ca() }, stdio: ['ignore', 'pipe', 'pipe'] },
      )
      return watch(child)
    },
    async close() {
      for (const child of children) child.kill('SIGKILL')
      await controller[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

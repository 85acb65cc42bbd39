/** The real programs as processes, with settings that work until a test changes them. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { ca, podToken, servingCertificate } from './discovery.ts'
import { makeStateFolder, type StateFolder } from './state-folder.ts'

export type ProgramName = 'controller' | 'authority' | 'sidecar' | 'cli'

/** Flag -> value; undefined leaves the flag out. */
export type Flags = Readonly<Record<string, string | undefined>>

export interface Place extends Disposable {
  readonly folder: string
  /** What the controller reads. */
  readonly state: StateFolder
  /** Of a name in the folder. */
  at(name: string): string
  write(name: string, text: string | Buffer): void
  remove(name: string): void
  /** Flags with which this program starts; its ports are chosen by the system. */
  flags(program: ProgramName, change?: Flags): string[]
}

/** A temporary folder with everything that the programs want to read. */
export function makePlace(): Place {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-programs-'))
  const at = (name: string): string => path.join(folder, name)
  const write = (name: string, text: string | Buffer): void => writeFileSync(at(name), text)
  const state = makeStateFolder(['orders'])
  const serving = servingCertificate()
  write('ca.crt', ca())
  write('authority.crt', serving.certificate)
  write('authority.key', serving.privateKey)
  write('discovery', podToken('orders-0'))
  write('assertion', podToken('orders-0', { audience: 'tokenward:authority' }))
  mkdirSync(at('state'))

  const any = '127.0.0.1:0'
  const nobody = 'https://127.0.0.1:9'
  const flagsOf: Record<ProgramName, Flags> = {
    controller: {
      folder: state.folder,
      'state-folder': state.stateFolder,
      'discovery-address': any,
      'admin-address': any,
      'authority-issuer': nobody,
      'trust-domain': 'local.tokenward.dev',
    },
    authority: {
      'listen-address': any,
      'admin-address': any,
      issuer: nobody,
      controllers: nobody,
      'ca-file': at('ca.crt'),
      'discovery-token-file': at('discovery'),
      'signing-key-file': at('signing.json'),
      'certificate-file': at('authority.crt'),
      'private-key-file': at('authority.key'),
      'state-folder': at('state'),
    },
    sidecar: {
      inbound: `${any}=127.0.0.1:9`,
      'outbound-address': any,
      'route-ports': `${any}=shop/payments:http`,
      'admin-address': any,
      controllers: nobody,
      authority: nobody,
      'ca-file': at('ca.crt'),
      'discovery-token-file': at('discovery'),
      'authority-token-file': at('assertion'),
      'state-folder': at('state'),
    },
    cli: {},
  }
  return {
    folder,
    state,
    at,
    write,
    remove: (name) => rmSync(at(name)),
    flags: (program, change = {}) =>
      Object.entries({ ...flagsOf[program], ...change }).flatMap(([name, value]) =>
        value === undefined ? [] : [`--${name}=${value}`],
      ),
    [Symbol.dispose]() {
      state[Symbol.dispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface Program {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
}

const running = new Set<ChildProcess>()

/** Starts a program; `stdout` is a file descriptor in place of a pipe. */
export function launch(
  program: ProgramName,
  argv: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'uid' | 'gid'> & { readonly stdout?: number } = {},
): Program {
  const { stdout: output = 'pipe', ...as } = options
  const main = path.resolve(import.meta.dirname, `../../cmd/${program}/main.ts`)
  const child = spawn(process.execPath, [main, ...argv], {
    ...as,
    env: { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] },
    stdio: ['ignore', output, 'pipe'],
  })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve(code ?? signal)
    })
  })
  return { child, ended, stdout: () => stdout, stderr: () => stderr }
}

/** Resident memory of a process that is its own, in MiB. */
export function memoryOf({ pid }: ChildProcess): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/RssAnon:\s+(\d+)/.exec(text)?.[1]) / 1024
}

/** For `afterEach`: nothing that a test started outlives it. */
export function endPrograms(): void {
  for (const child of running) child.kill('SIGKILL')
}

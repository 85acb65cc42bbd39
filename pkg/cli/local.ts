import { once } from 'node:events'
import { Command } from 'commander'
import type { Environment, ProgramName } from '../local/commands.ts'
import { startLocal, type LocalSystem } from '../local/start.ts'
import { formatTable, outputOption, print, type OutputFormat } from './output.ts'
import { paint, type Terminal } from './terminal.ts'

/** What running processes needs of the process that the command runs in. */
export interface Host {
  /** Of this program. */
  readonly version: string
  readonly env: Environment
  /** The command that runs one of our processes. */
  readonly program: (name: ProgramName) => readonly string[]
  onSignal(name: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR2', action: () => void): void
}

interface Options {
  readonly state: string
  readonly output: OutputFormat
}

/** `tokenward local`: the whole system on this machine, until it is told to stop. */
export function localCommand(terminal: Terminal, host: Host): Command {
  return new Command('local')
    .description('Run the whole system on this machine: controller, authority, sidecars and apps.')
    .argument('<folder>', 'folder with the resources and local.yaml')
    .option('--state <dir>', 'folder for keys, tokens, logs and status', '.state')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Runs in the foreground until SIGINT or SIGTERM. Resources are read again as they change; local.yaml is
read at the start. Every process has a log in logs/ of the state folder.

A process that dies is started again. One that ends in order (kill PID) stays down, so that you can see
what happens without it; SIGUSR2 to tokenward starts what is down. Ports and ids are in local.json.

Exit codes: 0 stopped as asked, 64 wrong usage, 65 local.yaml has problems, 66 no such folder,
69 a port is in use, 71 a process does not start, 73 the state folder cannot be written,
75 another tokenward runs on the state folder.`,
    )
    .action(async (folder: string, { state, output }: Options) => {
      const say = createSay(terminal)
      const stop = new AbortController()
      let startDown = (): void => undefined
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
        host.onSignal(name, () => stop.abort())
      }
      host.onSignal('SIGUSR2', () => startDown())
      const started = await startLocal({
        folder,
        stateFolder: state,
        program: host.program,
        env: host.env,
        say,
        nowMs: Date.now,
        random: Math.random,
        signal: stop.signal,
      }).catch((error: unknown) => {
        if (stop.signal.aborted) return undefined
        throw error
      })
      if (started === undefined) return
      const system = started
      startDown = system.startDown
      const { authority, workloads, processes } = system.record
      print(terminal, output, {
        value: { state, authority, workloads, processes },
        table: () => describe(system, state, terminal),
      })
      if (!stop.signal.aborted) await once(stop.signal, 'abort')
      await system.stop()
    })
}

const repeatMs = 30_000

/** Says at a terminal what a process warns of; what it repeats, facts aside, once in 30 s. */
function createSay({ error }: Terminal): (name: string, message: string) => void {
  const saidAt = new Map<string, number>()
  return (name, message) => {
    const key = `${name} ${message.split(' (', 1)[0]}`
    const now = performance.now()
    if (now - (saidAt.get(key) ?? -Infinity) < repeatMs) return
    saidAt.set(key, now)
    error.write(`${paint('yellow', name, error)}: ${message}\n`)
  }
}

function describe({ record }: LocalSystem, state: string, { out }: Terminal): string {
  const bold = (text: string): string => paint('bold', text, out)
  const rows = record.workloads.map(({ workload, inbound, proxy, app }) => [
    workload,
    inbound,
    proxy,
    app,
  ])
  return [
    formatTable(['WORKLOAD', 'CALL IT AT', 'ITS PROXY OUT', 'ITS APP'].map(bold), rows),
    ...record.workloads.flatMap(({ workload, routes }) =>
      Object.entries(routes).map(([service, url]) => `${workload} calls ${service} at ${url}`),
    ),
    '',
    `authority ${record.authority}   state ${state}   ${record.processes.length} processes run; Ctrl+C ends them`,
  ].join('\n')
}

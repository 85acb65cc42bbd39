import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { openLogFile } from './log-file.ts'
import { warningOf } from './warning-of.ts'

export interface ProcessSpec {
  /** As messages name it: `sidecar shop/web`. */
  readonly name: string
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logFile: string
}

/** What a process has to say that somebody at a terminal should see. */
export type Say = (name: string, message: string) => void

export interface Supervised {
  readonly name: string
  /** Undefined while it is down. */
  readonly pid: () => number | undefined
  /** Starts it when it is down; nothing where it runs. */
  start(): void
  /** Resolves when it has ended, at the latest after `graceMs`, and starts it no more. */
  stop(graceMs: number): Promise<void>
  /** Why it ended before it was kept up; resolves when it does. */
  readonly firstEnd: Promise<string>
  /** From now on it is started again when it dies. */
  keepUp(): void
}

const firstDelayMs = 200
/** Somebody waits for the stack to be back; a start costs less than half a second. */
const maxDelayMs = 2000
/** The delays of a process that ran this long begin anew. */
const stableMs = 5000
const keptLines = 40

/**
 * Runs one child process in a group of its own. One that dies (killed, or an exit code that is not 0)
 * starts again, with growing delays; one that ends in order, as on SIGTERM, was asked to and stays
 * down until `start`. Its output goes to its log file, and what is a warning to `say`.
 */
export function supervise(
  spec: ProcessSpec,
  options: { readonly say: Say; readonly changed: () => void },
): Supervised {
  const { say, changed } = options
  const log = openLogFile(spec.logFile, (error) => {
    say(spec.name, `its log ${spec.logFile} cannot be written: ${String(error)}`)
  })
  let child: ChildProcess | undefined
  let timer: NodeJS.Timeout | undefined
  let deaths = 0
  let stopping = false
  let keptUp = false
  let lastLines: string[] = []
  const ended = Promise.withResolvers<string>()
  const stopped = Promise.withResolvers<void>()

  const take = (line: string): void => {
    // What is JSON says its time itself.
    log.write(line.startsWith('{') ? line : `${new Date().toISOString()} ${line}`)
    lastLines = [...lastLines.slice(1 - keptLines), line]
    const warning = warningOf(line)
    if (warning !== undefined) say(spec.name, warning)
  }

  const start = (): void => {
    if (child !== undefined || stopping) return
    clearTimeout(timer)
    const startedAt = performance.now()
    const [program = '', ...args] = spec.command
    const started = spawn(program, args, {
      cwd: spec.cwd,
      env: spec.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    child = started
    onLines(started.stdout, take)
    onLines(started.stderr, take)
    const over = (outcome: string, inOrder: boolean): void => {
      if (child !== started) return
      // What it started in its group must not outlive it.
      signal(started, 'SIGKILL')
      child = undefined
      const telling = tellingOf(lastLines)
      ended.resolve(telling === undefined ? outcome : `${outcome}: ${telling}`)
      if (stopping) {
        stopped.resolve()
      } else if (!keptUp) {
        // Whoever starts it decides what becomes of the rest.
      } else if (inOrder) {
        say(spec.name, `${outcome}; it stays down until SIGUSR2`)
      } else {
        if (performance.now() - startedAt > stableMs) deaths = 0
        const delayMs = restartDelayMs(deaths)
        deaths += 1
        say(spec.name, `${outcome}; it starts again in ${(delayMs / 1000).toFixed(1)} s`)
        timer = setTimeout(start, delayMs)
      }
      changed()
    }
    started.once('error', (error) => over(`cannot be started: ${error.message}`, false))
    // `close` comes after the last line, but never where a grandchild keeps the pipes.
    started.once('exit', (code, name) => {
      const inOrder = code === 0 || name === 'SIGTERM' || name === 'SIGINT'
      setImmediate(
        over,
        name === null ? `ended with exit code ${code}` : `ended by ${name}`,
        inOrder,
      )
    })
    changed()
  }

  return {
    name: spec.name,
    pid: () => child?.pid,
    start,
    firstEnd: ended.promise,
    keepUp() {
      keptUp = true
    },
    async stop(graceMs) {
      stopping = true
      clearTimeout(timer)
      if (child !== undefined) {
        const running = child
        signal(running, 'SIGTERM')
        const cut = setTimeout(() => signal(running, 'SIGKILL'), graceMs)
        await stopped.promise
        clearTimeout(cut)
      }
      log.close()
    },
  }
}

/** How long one waits that has died so often before, in short order. */
export function restartDelayMs(deaths: number): number {
  return Math.min(firstDelayMs * 2 ** deaths, maxDelayMs)
}

/** The line that says why a process ended: its error where it printed one, else its last. */
function tellingOf(lines: readonly string[]): string | undefined {
  const error = lines.findLast((line) => /^(?:Uncaught )?\w*Error\b.*: /.test(line))
  return error ?? lines.findLast((line) => line.trim() !== '')
}

/** To the whole group: the process and what it started. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, name)
  } catch {
    // It has ended.
  }
}

function onLines(stream: Readable | null, take: (line: string) => void): void {
  if (stream === null) return
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', take)
}

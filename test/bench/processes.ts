/** Starting, pinning and accounting of the processes that are measured. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs'
import net from 'node:net'

// What is measured runs on one core; whatever makes or answers the load runs on the other.
export const measuredCore = '0'
export const loadCore = '1'

const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100

/** CPU seconds that a process has used so far, its reaped children too. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  return ticks / ticksPerSecond
}

/** Anonymous memory of a process in MiB: what is its own, files and shared pages aside. */
export function anonymousMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024
}

/** Pins every thread of a running process to a core. */
export function pin(pid: number, core: string): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    spawnSync('taskset', ['-pc', core, thread])
  }
}

const started: ChildProcess[] = []

/** Starts a program on a core; what it prints goes to `logFile`. */
export function start(core: string, logFile: string, command: readonly string[]): ChildProcess {
  const log = openSync(logFile, 'a')
  const child = spawn('taskset', ['-c', core, ...command], { stdio: ['ignore', log, log] })
  closeSync(log)
  started.push(child)
  return child
}

/** Ends every program that this run started, by its id. */
export async function stopAll(): Promise<void> {
  await Promise.all(
    started.map(
      (child) =>
        new Promise<void>((resolve) => {
          if (child.exitCode !== null || child.signalCode !== null) return resolve()
          child.once('exit', () => resolve())
          child.kill('SIGTERM')
          setTimeout(() => child.kill('SIGKILL'), 5000).unref()
        }),
    ),
  )
}

/** Waits until something accepts on a loopback port. */
export async function accepting(port: number, deadlineMs = 10_000): Promise<void> {
  const end = performance.now() + deadlineMs
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (open) return
    if (performance.now() > end) throw new Error(`nothing accepts on 127.0.0.1:${port}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** A free loopback port. */
export async function freePort(): Promise<number> {
  const server = net.createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

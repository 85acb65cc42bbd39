import { readFileSync } from 'node:fs'

/** A process of this machine; `startTicks` tells it from a later one with the same id. */
export interface ProcessId {
  readonly pid: number
  /** Ticks since boot; absent where the system does not say (only Linux does). */
  readonly startTicks?: string | undefined
}

/** The identity of a process that runs now. */
export function processIdOf(pid: number): ProcessId {
  return { pid, startTicks: startTicks(pid) }
}

/** Whether just this process runs still. */
export function isRunning({ pid, startTicks: ticks }: ProcessId): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, as another user.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  return ticks === undefined || startTicks(pid) === ticks
}

function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name of the program stands in parentheses and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

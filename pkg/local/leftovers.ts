import { setTimeout as sleep } from 'node:timers/promises'
import { isRunning, type ProcessId } from './process-id.ts'
import type { Say } from './supervise.ts'

const graceMs = 3000
const pollMs = 25

/**
 * Ends what an earlier run left when it was killed. Only where the system tells a process from a later
 * one with the same id; elsewhere the ports that it holds are reported as in use.
 */
export async function endLeftovers(
  processes: readonly (ProcessId & { readonly name: string })[],
  say: Say,
): Promise<void> {
  const left = processes.filter((each) => each.startTicks !== undefined && isRunning(each))
  if (left.length === 0) return
  const names = left.map(({ name, pid }) => `${name} (${pid})`).join(', ')
  say('local', `ending what an earlier run left: ${names}`)
  for (const each of left) signal(each.pid, 'SIGTERM')
  const until = performance.now() + graceMs
  while (left.some(isRunning) && performance.now() < until) await sleep(pollMs)
  for (const each of left.filter(isRunning)) signal(each.pid, 'SIGKILL')
}

/** To its group, of which it is the leader. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch {
    // It has ended.
  }
}

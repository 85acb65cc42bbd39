import type { Log } from '../telemetry/log.ts'
import { KubeError } from './kube-error.ts'

const firstRetryMs = 50
const longestRetryMs = 5 * 60_000
/** A failure now and then is not worth a line each time at this rate. */
const loudFailures = [1, 3, 10]

export interface WorkQueueCounts {
  /** Keys that wait for a worker. */
  readonly waiting: number
  /** Keys that are to come later: after a failure, or as asked. */
  readonly later: number
  readonly done: number
  readonly failed: number
}

export interface WorkQueue {
  /**
   * As soon as a worker is free, and as the server that refused it last allows. A key that waits already
   * is not there twice.
   */
  add(key: string): void
  /** Not before then; the earlier of two times counts. */
  addAfter(key: string, delayMs: number): void
  counts(): WorkQueueCounts
  /** Takes no more; resolves when what runs has ended. */
  close(): Promise<void>
}

/**
 * Keys in, one run of `work` per key at a time. A key added while it runs runs again afterwards. One that
 * fails comes back with a delay of its own, which doubles up to 5 min and is forgotten at success; added
 * meanwhile, it comes at once. A server's `Retry-After` is kept either way, up to 5 min. `close` lets what runs end and drops the rest: work is level-based, and
 * whoever comes next sees all of it.
 */
export function createWorkQueue(options: {
  readonly name: string
  readonly work: (key: string) => Promise<void>
  readonly log: Log
  /** Runs at once; default 4. */
  readonly workers?: number
  readonly random?: () => number
  readonly monotonicMs?: () => number
}): WorkQueue {
  const { name, work, workers = 4, random = Math.random } = options
  const { monotonicMs = () => performance.now() } = options
  const log = options.log.child({ queue: name })
  const waiting = new Set<string>()
  const running = new Map<string, { isAgain: boolean }>()
  const later = new Map<string, { readonly timer: NodeJS.Timeout; readonly dueMs: number }>()
  const failures = new Map<string, number>()
  /** Keys for whose next run a server has named a time. */
  const heldUntilMs = new Map<string, number>()
  let done = 0
  let failed = 0
  let closed = false
  let onIdle: (() => void) | undefined

  const enqueue = (key: string): void => {
    const due = later.get(key)
    if (due !== undefined) clearTimeout(due.timer)
    later.delete(key)
    const run = running.get(key)
    if (run !== undefined) run.isAgain = true
    else waiting.add(key)
    pump()
  }
  const add = (key: string): void => {
    if (closed) return
    const heldMs = (heldUntilMs.get(key) ?? -Infinity) - monotonicMs()
    if (heldMs > 0) addAfter(key, heldMs)
    else enqueue(key)
  }
  const addAfter = (key: string, delayMs: number): void => {
    if (closed || waiting.has(key)) return
    const dueMs = monotonicMs() + delayMs
    const due = later.get(key)
    if (due !== undefined && due.dueMs <= dueMs) return
    if (due !== undefined) clearTimeout(due.timer)
    later.set(key, { dueMs, timer: setTimeout(() => enqueue(key), delayMs) })
  }
  const retry = (key: string, err: unknown): void => {
    const count = (failures.get(key) ?? 0) + 1
    failures.set(key, count)
    const wholeMs = Math.min(longestRetryMs, firstRetryMs * 2 ** Math.min(count - 1, 30))
    const askedMs = err instanceof KubeError ? (err.retryAfterSeconds ?? 0) * 1000 : 0
    const serverMs = Math.min(longestRetryMs, askedMs)
    if (serverMs > 0) heldUntilMs.set(key, monotonicMs() + serverMs)
    const retryInMs = Math.max(wholeMs * (0.5 + random() / 2), serverMs)
    const facts = { err, key, failures: count, retryInMs: Math.round(retryInMs) }
    if (loudFailures.includes(count) || count % 100 === 0) log.warn(facts, 'work failed')
    else log.debug(facts, 'work failed')
    addAfter(key, retryInMs)
  }
  const run = async (key: string): Promise<void> => {
    const state = { isAgain: false }
    heldUntilMs.delete(key)
    running.set(key, state)
    try {
      await work(key)
      done += 1
      failures.delete(key)
    } catch (err) {
      failed += 1
      if (!closed) retry(key, err)
    } finally {
      running.delete(key)
      if (state.isAgain) add(key)
      pump()
    }
  }
  const pump = (): void => {
    while (running.size < workers && !closed) {
      const [key] = waiting
      if (key === undefined) break
      waiting.delete(key)
      void run(key)
    }
    if (closed && running.size === 0) onIdle?.()
  }

  return {
    add,
    addAfter,
    counts: () => ({ waiting: waiting.size, later: later.size, done, failed }),
    close() {
      closed = true
      for (const { timer } of later.values()) clearTimeout(timer)
      later.clear()
      waiting.clear()
      return new Promise((resolve) => {
        onIdle = resolve
        pump()
      })
    },
  }
}

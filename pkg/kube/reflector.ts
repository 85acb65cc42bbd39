import type { Log } from '../telemetry/log.ts'
import { createBackoff } from './backoff.ts'
import type { KubeClient } from './client.ts'
import { isExpired, KubeError } from './kube-error.ts'
import { BadLineError } from './lines.ts'
import { listPages } from './list-pages.ts'
import { readEvent, type KubeObject } from './objects.ts'
import { sleep } from './sleep.ts'
import { createView } from './view.ts'

export interface ReflectorOptions<T> {
  readonly client: KubeClient
  /** Of the list, `/api/v1/pods`. */
  readonly path: string
  readonly query?: { readonly fieldSelector?: string; readonly labelSelector?: string }
  /**
   * The fields that are used; undefined leaves the object out. One for which it throws is left out too,
   * which `problem` then says.
   */
  readonly transform: (object: KubeObject) => T | undefined
  /** Items changed, or are complete for the first time: once for all that arrived together. */
  readonly onChange: () => void
  readonly log: Log
  readonly random?: () => number
  readonly monotonicMs?: () => number
  readonly wallMs?: () => number
  readonly timing?: Partial<ReflectorTiming>
}

export interface ReflectorTiming {
  /** What a watch asks the server for: this to twice as much, at random. */
  readonly watchSeconds: number
  /** A watch that the server did not end this long after its time is cut. */
  readonly graceMs: number
  /** So is one that is silent for this long, where the server is known to send bookmarks. */
  readonly silenceMs: number
  readonly firstBackoffMs: number
  readonly longestBackoffMs: number
  /** The longest wait while the server cannot be reached: a connection that is refused costs nobody much. */
  readonly awayBackoffMs: number
  /** And for a while after: a server that starts refuses what it does not know yet (401, 403, 404, 503). */
  readonly returnBackoffMs: number
}

/**
 * API servers send a bookmark a minute after the last, to a new watch after two at the latest: three that
 * are missing are no accident. TCP keep-alive finds a dead machine sooner (see client), but not one that
 * is gone behind a load balancer.
 */
const defaultTiming: ReflectorTiming = {
  watchSeconds: 300,
  graceMs: 30_000,
  silenceMs: 180_000,
  firstBackoffMs: 800,
  longestBackoffMs: 30_000,
  awayBackoffMs: 5000,
  returnBackoffMs: 2000,
}
const healthyMs = 120_000
/** So long after it could not be reached a server may still be starting. */
const returnMs = 60_000
/** A watch that ends sooner than this and brought nothing is a failure, or it would be asked for without end. */
const shortestWatchMs = 1000
/** A server that asks for longer is asked again after this. */
const longestRetryAfterMs = 120_000

export interface ReflectorCounts {
  readonly lists: number
  readonly watches: number
  readonly events: number
  readonly badLines: number
  readonly failures: number
}

export interface Reflector<T> {
  start(): void
  /** By `namespace/name`, or `name` where there is no namespace. Live: read it now, do not keep it. */
  items(): ReadonlyMap<string, T>
  /** The highest resourceVersion seen, bookmarks included; 0 before the first list. */
  version(): number
  /** Whether `items` was complete once. */
  synced(): boolean
  /** Since the server last proved the view current, by an event, a bookmark or a list; infinite before. */
  ageMs(): number
  /** Why the view may not be current or complete, for an operator; undefined while all is well. */
  problem(): string | undefined
  counts(): ReflectorCounts
  close(): void
}

/** Follows one kind of object for as long as the process lives. Never throws, never gives up. */
export function createReflector<T>(options: ReflectorOptions<T>): Reflector<T> {
  const { client, path, query = {}, transform, onChange, random = Math.random } = options
  const { monotonicMs = () => performance.now(), wallMs = () => Date.now() } = options
  const log = options.log.child({ path })
  const timing = { ...defaultTiming, ...options.timing }
  const backoff = createBackoff({
    firstMs: timing.firstBackoffMs,
    longestMs: timing.longestBackoffMs,
    resetMs: healthyMs,
    random,
    nowMs: monotonicMs,
  })
  const counts = { lists: 0, watches: 0, events: 0, badLines: 0, failures: 0 }
  const view = createView<T>({ transform, log, monotonicMs, wallMs })
  /** Where the next watch goes on; undefined: a list comes first. */
  let from: string | undefined
  let sendsBookmarks = false
  let problem: string | undefined
  let awayAtMs = -Infinity
  let isTelling = false
  let started = false
  const closing = new AbortController()

  const tell = (): void => {
    if (isTelling) return
    isTelling = true
    queueMicrotask(() => {
      isTelling = false
      if (closing.signal.aborted) return
      try {
        onChange()
      } catch (err) {
        log.error({ err }, 'what follows a change failed')
      }
    })
  }
  const list = async (): Promise<void> => {
    counts.lists += 1
    const listing = view.list()
    const { resourceVersion } = await listPages(client, path, {
      query,
      onObject: (object) => listing.add(object),
      onRestart: () => listing.restart(),
    })
    const isChanged = listing.finish(resourceVersion)
    from = resourceVersion
    log.debug({ items: view.items().size, version: view.version() }, 'listed')
    if (isChanged) tell()
  }

  const take = (line: unknown): void => {
    const event = readEvent(line)
    const isChanged = view.take(event)
    if (event.type === 'BOOKMARK') {
      sendsBookmarks = true
      from = event.resourceVersion
      return
    }
    from = event.object.metadata.resourceVersion
    counts.events += 1
    if (isChanged) tell()
  }

  const watch = async (): Promise<void> => {
    counts.watches += 1
    const timeoutSeconds = Math.floor(timing.watchSeconds * (1 + random()))
    const cut = new AbortController()
    const end = (): void => cut.abort(closing.signal.reason)
    closing.signal.addEventListener('abort', end)
    const cutAfter = (ms: number, why: string): NodeJS.Timeout =>
      setTimeout(() => cut.abort(new KubeError({ status: 0, reason: 'Timeout', message: why })), ms)
    const deadline = cutAfter(
      timeoutSeconds * 1000 + timing.graceMs,
      `the watch of ${path} did not end when it should have: its connection is dead`,
    )
    const silent = `the watch of ${path} brings no bookmarks any more: its connection is dead`
    let silence: NodeJS.Timeout | undefined
    const hear = (): void => {
      if (silence !== undefined) silence.refresh()
      else if (sendsBookmarks) silence = cutAfter(timing.silenceMs, silent)
    }
    const startedAtMs = monotonicMs()
    const eventsBefore = counts.events
    try {
      await client.watch({
        path,
        query: { ...query, resourceVersion: from, allowWatchBookmarks: true, timeoutSeconds },
        signal: cut.signal,
        onOpen() {
          hear()
          if (problem !== undefined) log.info({}, 'followed again')
          problem = undefined
        },
        onLine(line) {
          take(line)
          hear()
        },
      })
    } finally {
      clearTimeout(deadline)
      clearTimeout(silence)
      closing.signal.removeEventListener('abort', end)
    }
    const isShort = monotonicMs() - startedAtMs < shortestWatchMs
    if (isShort && counts.events === eventsBefore) {
      const message = `the watch of ${path} ended as soon as it began`
      throw new KubeError({ status: 0, reason: 'BadAnswer', message })
    }
  }

  /** A server that was away is asked often, so that it is not waited for once it is back. */
  const longestWaitMs = (error: unknown): number => {
    if (isUnreached(error)) {
      awayAtMs = monotonicMs()
      return timing.awayBackoffMs
    }
    return monotonicMs() - awayAtMs < returnMs ? timing.returnBackoffMs : timing.longestBackoffMs
  }

  /** `listed`: what failed went on from a list of just now. */
  const fail = (error: unknown, listed: boolean): number => {
    counts.failures += 1
    const isBadLine = error instanceof BadLineError
    if (isBadLine) counts.badLines += 1
    // What a view without its kind, or after a line that could not be read, goes on from is a list.
    const isKubeError = error instanceof KubeError
    if (!isKubeError || isExpired(error) || error.status === 404) from = undefined
    // A server that says so is there again: the waits of its absence are over.
    if (isExpired(error) && !listed) backoff.reset()
    const message = error instanceof Error ? error.message : 'a failure without words'
    const retryAfterMs = isKubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
    const delayMs = Math.max(
      backoff.nextMs(longestWaitMs(error)),
      Math.min(retryAfterMs, longestRetryAfterMs) * (1 + random() / 10),
    )
    if (problem !== message) {
      const facts = {
        ...(isKubeError ? { reason: error.reason } : { err: error }),
        problem: message,
      }
      log.warn({ ...facts, retryInMs: Math.round(delayMs) }, 'not followed')
    }
    problem = message
    return delayMs
  }

  /** Waits; no longer than until somebody else, the lease say, finds the server there again. */
  const pause = async (ms: number, error: unknown): Promise<void> => {
    const over = new AbortController()
    const end = (): void => over.abort()
    const isAway = error instanceof KubeError && error.status === 0
    const forget = client.onBack(() => {
      if (!isAway) return
      backoff.reset()
      // All who wait are told at once, and do not ask at once.
      setTimeout(end, random() * timing.firstBackoffMs)
    })
    closing.signal.addEventListener('abort', end)
    await sleep(ms, over.signal)
    closing.signal.removeEventListener('abort', end)
    forget()
  }

  const follow = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const listed = from === undefined
      try {
        if (listed) await list()
        await watch()
      } catch (error) {
        if (closing.signal.aborted) return
        await pause(fail(error, listed), error)
      }
    }
  }

  return {
    start() {
      if (started) return
      started = true
      void follow()
    },
    items: () => view.items(),
    version: () => view.version(),
    synced: () => view.synced(),
    ageMs: () => view.ageMs(),
    problem() {
      if (problem !== undefined) return problem
      const [first] = view.unread()
      if (first === undefined) return undefined
      const [key, why] = first
      return `${view.unread().size} of ${path} cannot be read, among them ${key}: ${why}`
    },
    counts: () => ({ ...counts }),
    close: () => closing.abort(),
  }
}

/** Whether there was no answer: what was answered oddly, or by somebody else, is no absence. */
function isUnreached(error: unknown): boolean {
  return (
    error instanceof KubeError && (error.reason === 'Unreachable' || error.reason === 'Timeout')
  )
}

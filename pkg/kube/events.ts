import { createBoundedMap } from '../cache/bounded-map.ts'
import type { Log } from '../telemetry/log.ts'
import type { KubeClient } from './client.ts'
import { eventName, eventOf, eventResource, type EventFacts } from './event-object.ts'
import { KubeError } from './kube-error.ts'
import { microTime } from './micro-time.ts'
import { createRate } from './rate.ts'
import { pathOf } from './resource.ts'
import { sleep } from './sleep.ts'

export interface EventCounts {
  readonly sent: number
  /** Repeats that an Event of before counts. */
  readonly repeated: number
  /** For one object too many, or in all; or the server would not have it. */
  readonly dropped: number
}

export interface Events {
  /** Returns at once; never throws. The same again is counted in the Event that is there. */
  record(facts: EventFacts): void
  counts(): EventCounts
  /** Sends what waits, for a moment; then forgets the rest. */
  close(): Promise<void>
}

/** The same thing within this long is one series (as client-go has it). */
const seriesMs = 6 * 60_000
/** How often the count of a series is written. */
const tellMs = 60_000
const perObject = { burst: 25, refillMs: 5 * 60_000 }
/** So that one namespace full of trouble takes nothing from the others. */
const perNamespace = { burst: 100, refillMs: 1000 }
const maxWaiting = 500
const maxRemembered = 4096
const attempts = 3
const retryMs = 1000
const longestRetryMs = 30_000
const closeMs = 2000

interface Series {
  readonly path: string
  count: number
  lastMs: number
  toldMs: number
  timer: NodeJS.Timeout | undefined
}

/** Events of `events.k8s.io/v1`, one request at a time: they are told when there is time, or not at all. */
export function createEvents(options: {
  readonly client: KubeClient
  /** `tokenward-controller`. */
  readonly controller: string
  /** The pod. */
  readonly instance: string
  readonly log: Log
  readonly wallMs?: () => number
}): Events {
  const { client, controller, instance, log, wallMs = () => Date.now() } = options
  const series = createBoundedMap<Series>({ maxEntries: maxRemembered })
  const keys = { maxKeys: maxRemembered, nowMs: wallMs }
  const objects = createRate({ ...perObject, ...keys })
  const namespaces = createRate({ ...perNamespace, ...keys })
  const waiting: (() => Promise<void>)[] = []
  const counts = { sent: 0, repeated: 0, dropped: 0 }
  const timers = new Set<NodeJS.Timeout>()
  let sequence = 0
  let isSending = false
  const closing = new AbortController()
  let onEmpty: (() => void) | undefined

  const send = (work: () => Promise<void>): void => {
    if (waiting.length >= maxWaiting || closing.signal.aborted) {
      counts.dropped += 1
      return
    }
    waiting.push(work)
    if (!isSending) void drain()
  }
  const drain = async (): Promise<void> => {
    isSending = true
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work()
    isSending = false
    onEmpty?.()
  }
  /** Tries a few times where trying again may help. */
  const persist = async (work: () => Promise<unknown>): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await work()
        return
      } catch (err) {
        const isPassing =
          err instanceof KubeError && (err.status === 0 || err.status === 429 || err.status >= 500)
        if (!isPassing || attempt === attempts || closing.signal.aborted) {
          counts.dropped += 1
          log.debug({ err }, 'an Event is not told')
          return
        }
        const waitMs = Math.max(retryMs, (err.retryAfterSeconds ?? 0) * 1000)
        await sleep(Math.min(waitMs, longestRetryMs), closing.signal)
      }
    }
  }

  const create = (key: string, facts: EventFacts): void => {
    const { regarding } = facts
    const { namespace: own = '' } = regarding
    const namespace = own === '' ? 'default' : own
    const now = wallMs()
    sequence += 1
    const name = eventName(regarding.name, `${instance} ${now} ${sequence}`)
    const path = pathOf(eventResource, { namespace, name })
    series.set(key, { path, count: 1, lastMs: now, toldMs: now, timer: undefined })
    send(async () => {
      await persist(async () => {
        await client.request({
          method: 'POST',
          path: pathOf(eventResource, { namespace }),
          body: eventOf(facts, { namespace, name }, { controller, instance, atMs: now }),
        })
        counts.sent += 1
      })
    })
  }
  const orDrop = (step: () => void): void => {
    try {
      step()
    } catch (err) {
      counts.dropped += 1
      log.error({ err }, 'an Event cannot be told')
    }
  }
  const tell = (key: string, one: Series): void => {
    one.toldMs = wallMs()
    const body = {
      series: { count: one.count, lastObservedTime: microTime(one.lastMs) },
    }
    send(async () => {
      await persist(async () => {
        try {
          await client.request({
            method: 'PATCH',
            path: one.path,
            contentType: 'application/merge-patch+json',
            body,
          })
          counts.sent += 1
        } catch (error) {
          if (!(error instanceof KubeError) || error.status !== 404) throw error
          // The server forgets Events after an hour: the next is a new one.
          series.delete(key)
        }
      })
    })
  }
  const repeat = (key: string, one: Series): void => {
    one.count += 1
    one.lastMs = wallMs()
    counts.repeated += 1
    if (one.timer !== undefined) return
    const waitMs = Math.max(0, one.toldMs + tellMs - wallMs())
    const timer = setTimeout(() => {
      timers.delete(timer)
      one.timer = undefined
      tell(key, one)
    }, waitMs)
    timer.unref()
    timers.add(timer)
    one.timer = timer
  }

  return {
    record(facts) {
      if (closing.signal.aborted) return
      const { kind, name, uid = '', namespace = '' } = facts.regarding
      const object = [kind, namespace, name].join(' ')
      const key = [object, uid, facts.type, facts.reason, facts.action, facts.note].join('\n')
      const one = series.get(key)
      if (one !== undefined && wallMs() - one.lastMs < seriesMs) repeat(key, one)
      else if (objects.take(object) && namespaces.take(namespace)) orDrop(() => create(key, facts))
      else counts.dropped += 1
    },
    counts: () => ({ ...counts }),
    async close() {
      if (isSending) {
        const late = sleep(closeMs, closing.signal)
        await Promise.race([late, new Promise<void>((resolve) => (onEmpty = resolve))])
      }
      closing.abort()
      waiting.length = 0
      for (const timer of timers) clearTimeout(timer)
    },
  }
}

import { createHash } from 'node:crypto'
import { createBoundedMap } from '../cache/bounded-map.ts'
import type { Log } from '../telemetry/log.ts'
import type { KubeClient } from './client.ts'
import { KubeError } from './kube-error.ts'
import { microTime } from './micro-time.ts'
import { apiVersionOf, pathOf, type Resource } from './resource.ts'
import { sleep } from './sleep.ts'

const eventResource: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  isNamespaced: true,
}

/** What is said about an object. */
export interface EventFacts {
  readonly regarding: {
    readonly apiVersion: string
    readonly kind: string
    readonly name: string
    /** Absent: cluster-scoped; its Events are in `default`, as Kubernetes has it. */
    readonly namespace?: string
    readonly uid?: string
  }
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, of a documented list. */
  readonly reason: string
  /** What was done or not done, CamelCase: `Inject`, `Compile`. */
  readonly action: string
  /** For people; cut at 1024 bytes. */
  readonly note: string
}

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
/** Per object: so many at once, then one each five minutes. */
const burstPerObject = 25
const refillMs = 5 * 60_000
const maxWaiting = 500
const maxRemembered = 4096
const attempts = 3
const retryMs = 1000
const longestRetryMs = 30_000
const closeMs = 2000
const maxNoteBytes = 1024

interface Series {
  readonly path: string
  readonly facts: EventFacts
  count: number
  lastMs: number
  toldMs: number
  timer: NodeJS.Timeout | undefined
}

interface Bucket {
  tokens: number
  atMs: number
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
  const { client, controller, log, wallMs = () => Date.now() } = options
  const instance = options.instance.slice(0, 128)
  const series = createBoundedMap<Series>({ maxEntries: maxRemembered })
  const buckets = createBoundedMap<Bucket>({ maxEntries: maxRemembered })
  const waiting: (() => Promise<void>)[] = []
  const counts = { sent: 0, repeated: 0, dropped: 0 }
  const timers = new Set<NodeJS.Timeout>()
  let sequence = 0
  let isSending = false
  const closing = new AbortController()
  let onEmpty: (() => void) | undefined

  const mayTell = (key: string): boolean => {
    const now = wallMs()
    const bucket = buckets.get(key) ?? { tokens: burstPerObject, atMs: now }
    const tokens = Math.min(burstPerObject, bucket.tokens + (now - bucket.atMs) / refillMs)
    const isAllowed = tokens >= 1
    buckets.set(key, { tokens: isAllowed ? tokens - 1 : tokens, atMs: now })
    return isAllowed
  }
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
    const namespace = regarding.namespace ?? 'default'
    const now = wallMs()
    sequence += 1
    const name = nameOf(regarding.name, `${instance} ${now} ${sequence}`)
    const path = pathOf(eventResource, { namespace, name })
    series.set(key, { path, facts, count: 1, lastMs: now, toldMs: now, timer: undefined })
    send(async () => {
      await persist(async () => {
        await client.request({
          method: 'POST',
          path: pathOf(eventResource, { namespace }),
          body: {
            apiVersion: apiVersionOf(eventResource),
            kind: eventResource.kind,
            metadata: { name, namespace },
            eventTime: microTime(now),
            reportingController: controller,
            reportingInstance: instance,
            type: facts.type,
            reason: facts.reason,
            action: facts.action,
            note: cut(facts.note),
            regarding,
          },
        })
        counts.sent += 1
      })
    })
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
      const { regarding } = facts
      const object = [regarding.kind, regarding.namespace, regarding.name, regarding.uid].join(' ')
      const key = [object, facts.type, facts.reason, facts.action, facts.note].join('\n')
      const one = series.get(key)
      if (one !== undefined && wallMs() - one.lastMs < seriesMs) repeat(key, one)
      else if (mayTell(object)) create(key, facts)
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

/** A name that is free: the object's, and what makes it one of a kind. */
function nameOf(object: string, seed: string): string {
  const suffix = createHash('sha256').update(`${object} ${seed}`).digest('hex').slice(0, 16)
  return `${object.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${suffix}`
}

function cut(note: string): string {
  const bytes = Buffer.from(note)
  if (bytes.length <= maxNoteBytes) return note
  // The last character may be cut in half: a decoder in stream mode leaves it out.
  const end = '…'
  const kept = bytes.subarray(0, maxNoteBytes - Buffer.byteLength(end))
  return new TextDecoder().decode(kept, { stream: true }) + end
}

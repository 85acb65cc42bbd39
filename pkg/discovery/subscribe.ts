import type { AuthorityPolicy, WorkloadPolicy } from '../policy/workload-policy.ts'
import { features } from '../policy/match.ts'
import type { Log } from '../telemetry/log.ts'
import { nextDelayMs } from './backoff.ts'
import { connect, type Connection, type Ending } from './connect.ts'
import { hashesOf, valuesOf, withUpdate, type Held } from './held.ts'
import { LineError } from './lines.ts'
import { isBehind } from './revision.ts'
import { createStateFile } from './state-file.ts'
import {
  maxBypassPorts,
  type Bypass,
  type ClientKind,
  type Downstream,
  type Heartbeat,
  type Revision,
  type SectionName,
  type Update,
} from './wire.ts'

/** Three heartbeats. */
const defaultSilenceMs = 30_000
/** A stream that lived this long worked; the next failure starts the backoff anew. */
const provenMs = 5000
/** One that brought something was a controller: so many failures are remembered at most. */
const rememberedFailures = 2
/** A heartbeat alone rewrites the kept state no more often than this. */
const keepEveryMs = 60_000

interface SectionsByKind {
  readonly sidecar: WorkloadPolicy
  readonly authority: AuthorityPolicy
}

export interface SubscribeOptions<Kind extends ClientKind> {
  readonly kind: Kind
  /** Controllers, `https://host:port`; tried in turn. */
  readonly urls: readonly string[]
  /** PEM roots, asked for at each attempt. */
  readonly ca: () => string
  /** The name in the controllers' certificates, where the URLs have addresses. */
  readonly serverName?: string
  /** The projected service-account token (audience `tokenward:discovery`), read afresh each time. */
  readonly token: () => Promise<string>
  /** Where the last good state is kept; absent: nowhere. */
  readonly stateFile?: string
  /** Takes all sections, of one generation. Throws to reject them: what was applied before stays. */
  readonly apply: (sections: SectionsByKind[Kind], revision: Revision) => void
  readonly log: Log
  /** Without a line for this long a stream is given up. */
  readonly silenceMs?: number
  readonly random?: () => number
  readonly monotonicMs?: () => number
  readonly wallMs?: () => number
}

export interface Subscription {
  /** How old the controller's view is that was applied last; infinite where there is none. */
  ageMs(): number
  connected(): boolean
  revision(): Revision | undefined
  /** Section -> hash of what is applied. */
  hashes(): Readonly<Partial<Record<SectionName, string>>>
  /** Tells the controller at which ports the app answers past its sidecar, each time that it changes. */
  report(ports: Bypass): void
  close(): void
}

/** Follows the controllers for as long as the process lives. Never throws, never gives up. */
export function subscribe<Kind extends ClientKind>(options: SubscribeOptions<Kind>): Subscription {
  const { kind, urls, log, random = Math.random } = options
  const { monotonicMs = () => performance.now(), wallMs = () => Date.now() } = options
  const { silenceMs = defaultSilenceMs } = options
  if (urls.length === 0) throw new Error('there is no controller to follow')
  const kept =
    options.stateFile === undefined
      ? undefined
      : createStateFile({ path: options.stateFile, kind, log, wallMs })
  let held: Held = {}
  let revision: Revision | undefined
  /** When the view that is applied was known to be right, on both clocks. */
  let rightAtMs = -Infinity
  let rightAtWallMs = -Infinity
  let keptAtMs = -Infinity
  /** Sections of an update that was rejected: the next one must bring them all. */
  let rejected: readonly SectionName[] = []
  let askForAll = false
  let bypass: { readonly bypass?: Bypass } = {}
  let open = false
  let delivered = false
  let closed = false
  let connection: Connection | undefined
  let wake: (() => void) | undefined

  // A machine that slept stopped its monotonic clock, and a wall clock may go back: the older age counts.
  const ageMs = (): number => Math.max(monotonicMs() - rightAtMs, wallMs() - rightAtWallMs)
  const setAge = (ms: number): void => {
    rightAtMs = monotonicMs() - ms
    rightAtWallMs = wallMs() - ms
  }
  const keep = (): void => {
    if (revision === undefined) return
    keptAtMs = monotonicMs()
    kept?.write({ held, revision, ageMs: ageMs() })
  }
  const apply = (next: Held, at: Revision): void => {
    options.apply(valuesOf(next) as unknown as SectionsByKind[Kind], at)
    held = next
    revision = at
  }

  const acknowledge = (): void =>
    connection?.send({ type: 'ack', hashes: hashesOf(held), ...bypass })

  const takeUpdate = (update: Update): void => {
    const missing = rejected.find((name) => update.sections[name] === undefined)
    if (missing !== undefined) throw new LineError(`section ${missing} did not come again`)
    const next = withUpdate(kind, held, update)
    const names = Object.keys(update.sections) as SectionName[]
    try {
      apply(next, update.revision)
    } catch (err) {
      log.error({ err, sections: names }, 'an update is rejected; the last good state stays')
      rejected = names
      const reason = err instanceof Error ? err.message : 'it cannot be applied'
      for (const section of names) {
        const hash = update.sections[section]?.hash ?? ''
        connection?.send({ type: 'nack', section, hash, reason })
      }
      return
    }
    rejected = []
    askForAll = false
    setAge(0)
    acknowledge()
    keep()
  }
  const takeHeartbeat = (heartbeat: Heartbeat): void => {
    // A view whose update was rejected is not the one that is applied.
    if (revision === undefined || rejected.length > 0) return
    revision = heartbeat.revision
    setAge(heartbeat.ageMs)
    if (monotonicMs() - keptAtMs > keepEveryMs) keep()
  }
  const take = (line: Downstream): void => {
    if (isBehind(line.revision, revision)) {
      throw new LineError('the controller shows an older revision than one already seen')
    }
    if (line.type === 'update') takeUpdate(line)
    else takeHeartbeat(line)
    delivered = true
  }

  const attempt = async (url: string): Promise<Ending> => {
    try {
      const token = await options.token()
      connection = connect({
        url,
        ca: options.ca(),
        ...(options.serverName === undefined ? {} : { serverName: options.serverName }),
        token,
        silenceMs,
        hello: {
          type: 'hello',
          kind,
          features,
          hashes: askForAll ? {} : hashesOf(held),
          ...bypass,
          ...(revision === undefined ? {} : { revision }),
        },
        onOpen: () => {
          open = true
          log.info({ url }, 'connected to a controller')
        },
        onLine: take,
      })
      if (closed) connection.close()
      return await connection.ended
    } catch (error) {
      return { kind: 'failed', error }
    }
  }
  const follow = async (): Promise<void> => {
    let failures = 0
    for (let turn = 0; !closed; turn += 1) {
      const url = urls[turn % urls.length] ?? ''
      const startedAtMs = monotonicMs()
      rejected = []
      delivered = false
      const ending = await attempt(url)
      open = false
      connection = undefined
      if (closed) return
      if (ending.kind === 'failed' && ending.error instanceof LineError) askForAll = true
      if (monotonicMs() - startedAtMs > provenMs) failures = 0
      else if (delivered) failures = Math.min(failures, rememberedFailures * urls.length)
      const delayMs = nextDelayMs(failures, urls.length, random)
      failures += 1
      const { kind: outcome, ...facts } = describe(ending)
      log.warn(
        { url, outcome, ...facts, retryInMs: Math.round(delayMs) },
        'no stream to a controller',
      )
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delayMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  const state = kept?.read()
  if (state !== undefined) {
    try {
      apply(state.held, state.revision)
      setAge(state.ageMs)
      log.info({ ageMs: Math.round(state.ageMs) }, 'the kept state is applied')
    } catch (err) {
      log.warn({ err }, 'the kept state cannot be applied and is left aside')
    }
  }
  void follow()

  return {
    ageMs,
    connected: () => open,
    revision: () => revision,
    hashes: () => hashesOf(held),
    report(ports) {
      bypass = ports.length === 0 ? {} : { bypass: ports.slice(0, maxBypassPorts) }
      // An acknowledgement would take back what was said of an update that was rejected.
      if (rejected.length === 0) acknowledge()
    },
    close() {
      closed = true
      connection?.close()
      wake?.()
    },
  }
}

function describe(ending: Ending): { kind: string; status?: number; err?: unknown } {
  if (ending.kind === 'failed') return { kind: 'failed', err: ending.error }
  return ending
}

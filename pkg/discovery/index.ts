import type { AuthorityPolicy, WorkloadPolicy } from '../policy/workload-policy.ts'
import { hashOf } from './hash.ts'
import type { Bypass, ClientKind, PodProgress, Revision, SectionName } from './wire.ts'

/** What a token of a pod must agree with. */
export interface PodFacts {
  readonly namespace: string
  readonly pod: string
  readonly serviceAccount: string
  /** Empty where that is not there: no token has that. */
  readonly serviceAccountUid: string
}

/** One view of the world, compiled: everything that clients get, and who they may be. */
export interface Generation {
  readonly revision: Revision
  /** Pod UID -> the pod. */
  readonly pods: ReadonlyMap<string, PodFacts>
  /** Pod UID -> its sections. Never changed once published; pods may share them. */
  readonly sidecars: ReadonlyMap<string, WorkloadPolicy>
  readonly authority: AuthorityPolicy
}

type SectionValues = Partial<Record<SectionName, object>>
type Hashes = Partial<Record<SectionName, string>>

export interface Client {
  readonly kind: ClientKind
  readonly podUid: string
  readonly serviceAccountUid: string
}

/** There is a newer generation; the pod is gone; or the pod has opened another stream. */
type Notify = (event: 'changed' | 'gone' | 'replaced') => void

export interface Subscriber {
  /** The client says what it has applied, and where its app answers past it. */
  acknowledge(hashes: Hashes, bypass?: Bypass): void
  /** The client says why it does not apply an update. */
  reject(reason: string): void
  close(): void
}

interface Row {
  readonly client: Client
  readonly notify: Notify
  hashes: Hashes
  /** Of the update that came last. */
  rejection?: string
  bypass: Bypass
}

/** Another replica, which tells how far the pods connected there have got. */
export interface Peer {
  /** Undefined: it is connected there no more. */
  report(podUid: string, progress: PodProgress | undefined): void
  close(): void
}

/** How far some pods have got. */
export interface Progress {
  /** How many have applied the rules that they should have. */
  readonly applied: number
  /** One that has said why it does not. */
  readonly rejection?: { readonly pod: string; readonly reason: string }
}

export interface Index {
  /** Takes a new generation, and tells every subscriber. */
  publish(generation: Generation): void
  current(): Generation | undefined
  /**
   * The source was known to hold nothing newer so long ago (default: now); with `seen`: up to there it was
   * looked, and since the generation's own revision nothing that matters has changed.
   */
  confirm(ageMs?: number, seen?: Revision): void
  /** What this view is not behind of: at least the revision of the generation. */
  seen(): Revision | undefined
  /** How long ago the view was known to be right; infinite before the first. */
  ageMs(): number
  /** The sections of a client, or undefined where there are none (yet). */
  sections(client: Client): SectionValues | undefined
  /** One subscription per pod: an older one of the same pod is told that it is replaced. */
  subscribe(client: Client, notify: Notify): Subscriber
  progress(podUids: Iterable<string>): Progress
  /** Ports at which the app of a pod answers past its sidecar, as that one says. */
  bypassOf(podUid: string): Bypass
  /** How far each sidecar has got that is connected here, by pod UID. */
  local(): ReadonlyMap<string, PodProgress>
  /** What another replica tells counts until it is closed. */
  peer(): Peer
  /** Called when the progress of some pod may have changed. */
  onAcknowledged(listener: () => void): void
  /** Clients connected, by kind. */
  counts(): Readonly<Record<ClientKind, number>>
}

/** The controller writes here, streams read: one generation at a time, in memory. */
export function createIndex(options: { readonly monotonicMs: () => number }): Index {
  let generation: Generation | undefined
  let seen: Revision | undefined
  let confirmedAtMs = -Infinity
  /** Pod UID -> its one stream. */
  const rows = new Map<string, Row>()
  const peers = new Set<Map<string, PodProgress>>()
  const listeners: (() => void)[] = []
  const tell = (): void => {
    for (const listener of listeners) listener()
  }

  const progressOf = ({ hashes: { rules }, rejection, bypass }: Row): PodProgress => ({
    ...(rules === undefined ? {} : { rules }),
    ...(bypass.length === 0 ? {} : { bypass }),
    ...(rejection === undefined ? {} : { rejection }),
  })
  /** A pod has one stream; while it moves, what is seen here counts. */
  const known = (podUid: string): PodProgress | undefined => {
    const row = rows.get(podUid)
    if (row !== undefined) return progressOf(row)
    for (const peer of peers) {
      const progress = peer.get(podUid)
      if (progress !== undefined) return progress
    }
    return undefined
  }
  const belongs = (client: Client): boolean =>
    generation?.pods.get(client.podUid)?.serviceAccountUid === client.serviceAccountUid

  return {
    publish(next) {
      generation = next
      seen = next.revision
      confirmedAtMs = options.monotonicMs()
      for (const { client, notify } of [...rows.values()]) {
        notify(belongs(client) ? 'changed' : 'gone')
      }
    },
    current: () => generation,
    confirm(ageMs = 0, upTo) {
      if (generation === undefined) return
      confirmedAtMs = options.monotonicMs() - ageMs
      seen = upTo ?? seen
    },
    seen: () => seen,
    ageMs: () => options.monotonicMs() - confirmedAtMs,
    sections: ({ kind, podUid }) =>
      kind === 'authority' ? generation?.authority : generation?.sidecars.get(podUid),
    subscribe(client, notify) {
      const row: Row = { client, notify, hashes: {}, bypass: [] }
      const older = rows.get(client.podUid)
      rows.set(client.podUid, row)
      older?.notify('replaced')
      return {
        acknowledge(hashes, bypass = []) {
          row.bypass = bypass
          row.hashes = { ...row.hashes, ...hashes }
          delete row.rejection
          tell()
        },
        reject(reason) {
          row.rejection = reason
          tell()
        },
        close() {
          if (rows.get(client.podUid) !== row) return
          rows.delete(client.podUid)
          tell()
        },
      }
    },
    progress(podUids) {
      let applied = 0
      let rejection: Progress['rejection']
      for (const podUid of podUids) {
        const rules = generation?.sidecars.get(podUid)?.rules
        const progress = known(podUid)
        if (rules !== undefined && progress?.rules === hashOf(rules)) applied += 1
        else if (progress?.rejection !== undefined) {
          const { namespace = '', pod = '' } = generation?.pods.get(podUid) ?? {}
          rejection ??= { pod: `${namespace}/${pod}`, reason: progress.rejection }
        }
      }
      return { applied, ...(rejection === undefined ? {} : { rejection }) }
    },
    bypassOf: (podUid) => known(podUid)?.bypass ?? [],
    local: () =>
      new Map(
        [...rows].flatMap(([uid, row]) =>
          row.client.kind === 'sidecar' ? [[uid, progressOf(row)]] : [],
        ),
      ),
    peer() {
      const pods = new Map<string, PodProgress>()
      peers.add(pods)
      return {
        report(podUid, progress) {
          if (progress === undefined) pods.delete(podUid)
          else pods.set(podUid, progress)
          tell()
        },
        close() {
          peers.delete(pods)
          tell()
        },
      }
    },
    onAcknowledged(listener) {
      listeners.push(listener)
    },
    counts() {
      const counts = { sidecar: 0, authority: 0 }
      for (const { client } of rows.values()) counts[client.kind] += 1
      return counts
    },
  }
}

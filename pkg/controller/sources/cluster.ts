import { isDeepStrictEqual } from 'node:util'
import type { KubeClient } from '../../kube/client.ts'
import type { CountsOfKind } from '../../kube/measure.ts'
import { createReflector, type Reflector } from '../../kube/reflector.ts'
import { keyOf } from '../../kube/resource.ts'
import type { Revision } from '../../discovery/wire.ts'
import type { KeysSection } from '../../policy/workload-policy.ts'
import type { Log } from '../../telemetry/log.ts'
import { readObject, type Seen } from './read-object.ts'
import {
  resourceKey,
  type Resource,
  type ServerFacts,
  type Snapshot,
  type Trust,
} from './snapshot.ts'

/** Raised after a restore of the cluster's store, by a command of a later version. */
const epoch = 1
/** Changes come in bursts, a Deployment's say: one round for all of a moment. */
const debounceMs = 20
/** How often the age of an unchanged view is told. */
const tickMs = 1000

const tokenward = '/apis/tokenward.dev/v1alpha1'
const paths: Readonly<Record<Resource['kind'], string>> = {
  AccessPolicy: `${tokenward}/accesspolicies`,
  TrustedIssuer: `${tokenward}/trustedissuers`,
  Namespace: '/api/v1/namespaces',
  ServiceAccount: '/api/v1/serviceaccounts',
  Service: '/api/v1/services',
  Pod: '/api/v1/pods',
}

/** What changes beside the objects: who is believed, and by which keys our tokens are known. */
export interface Believed {
  readonly trust: Trust
  readonly keys: KeysSection
  /** Of the objects that say so: how far they were looked at. */
  readonly versions: Readonly<Record<string, number>>
}

/** What a custom resource is like now, for who writes its status. */
export interface Live {
  readonly resourceVersion: string
  readonly status: unknown
}

export interface ClusterSource {
  /** What is believed may have changed. */
  again(): void
  /** By `namespace/name`, or the name alone; undefined where there is none. */
  live(kind: Resource['kind'], key: string): Live | undefined
  /** Why the view is not complete or not current, one line each. */
  problems(): readonly string[]
  counts(): readonly CountsOfKind[]
  close(): void
}

export interface ClusterOptions {
  readonly client: KubeClient
  readonly log: Log
  /** Undefined while it is not known: nothing is published before. */
  readonly believed: () => Believed | undefined
  /** Something has changed, or this is the first view. False: it could not be taken. */
  readonly onSnapshot: (snapshot: Snapshot) => boolean
  /** The view was known to be right so long ago, and up to `seen` nothing has changed. */
  readonly onConfirmed: (ageMs: number, seen: Revision) => void
}

/**
 * Follows the objects of a cluster. Nothing is published before every kind was seen whole once; later
 * failures leave the last view, which then shows its age.
 */
export function followCluster(options: ClusterOptions): ClusterSource {
  let timer: NodeJS.Timeout | undefined
  let lastRoundMs = 0
  const soon = (): void => {
    // Where a round takes long, others get their turn in between.
    timer ??= setTimeout(round, Math.max(debounceMs, 2 * lastRoundMs))
  }
  const kinds = Object.entries(paths).map(([kind, path]) =>
    followKind(kind as Resource['kind'], path, { ...options, onChange: soon }),
  )
  /** What was published last: the versions at which each part had come to be what it is. */
  let published: readonly unknown[] = []
  let told: Readonly<Record<string, number>> = {}
  let isTaken = false

  const round = (): void => {
    clearTimeout(timer)
    timer = undefined
    const believed = options.believed()
    if (believed === undefined || !kinds.every((kind) => kind.synced())) return
    const versions = {
      ...Object.fromEntries(kinds.map(({ kind, version }) => [kind, version()])),
      ...believed.versions,
    }
    const parts = [believed.trust, believed.keys, ...kinds.map((kind) => kind.rows())]
    if (!isTaken || parts.some((part, at) => part !== published[at])) {
      const startedAtMs = performance.now()
      const same = kinds.filter((kind) => published.includes(kind.rows()))
      const unchanged = new Set<string>(same.map(({ kind }) => kind))
      told = Object.fromEntries(
        Object.entries(versions).map(([kind, version]) => [
          kind,
          unchanged.has(kind) ? (told[kind] ?? version) : version,
        ]),
      )
      published = parts
      isTaken = options.onSnapshot(snapshotOf(kinds, believed.trust, { epoch, versions: told }))
      lastRoundMs = performance.now() - startedAtMs
    }
    const ageMs = Math.max(...kinds.map((kind) => kind.ageMs()))
    if (isTaken) options.onConfirmed(ageMs, { epoch, versions })
  }
  const tick = setInterval(round, tickMs)

  return {
    again: soon,
    live: (kind, key) => kinds.find((one) => one.kind === kind)?.live(key),
    problems: () => kinds.flatMap((kind) => kind.problem() ?? []),
    counts: () => kinds.map((one) => [one.kind, one.counts()]),
    close() {
      clearInterval(tick)
      clearTimeout(timer)
      for (const kind of kinds) kind.close()
    },
  }
}

interface FollowedKind extends Pick<
  Reflector<unknown>,
  'version' | 'synced' | 'ageMs' | 'problem' | 'counts' | 'close'
> {
  readonly kind: Resource['kind']
  /** The same list while nothing has changed that matters. */
  rows(): readonly Seen[]
  live(key: string): Live | undefined
}

interface Followed {
  readonly seen: Seen
  /** Of a custom resource. */
  readonly live?: Live
}

function followKind(
  kind: Resource['kind'],
  path: string,
  options: {
    readonly client: KubeClient
    readonly log: Log
    readonly onChange: () => void
  },
): FollowedKind {
  let rows: readonly Seen[] = []
  let isStale = true
  const reflector: Reflector<Followed> = createReflector<Followed>({
    client: options.client,
    log: options.log,
    path,
    transform(object): Followed | undefined {
      const read = readObject(kind, object)
      if (read === undefined) return undefined
      const before = reflector.items().get(keyOf(object.metadata))?.seen
      // The same object while it means the same, so that a view is compared by looking at references.
      const seen = before !== undefined && isDeepStrictEqual(before, read) ? before : read
      const { resourceVersion } = object.metadata
      return isCustom(kind)
        ? { seen, live: { resourceVersion, status: object['status'] } }
        : { seen }
    },
    onChange() {
      isStale = true
      options.onChange()
    },
  })
  reflector.start()
  return {
    ...reflector,
    kind,
    rows() {
      if (!isStale) return rows
      isStale = false
      const next = [...reflector.items().values()].map(({ seen }) => seen)
      const isSame = next.length === rows.length && next.every((row, at) => row === rows[at])
      if (!isSame) rows = next
      return rows
    },
    live: (key) => reflector.items().get(key)?.live,
  }
}

function isCustom(kind: Resource['kind']): boolean {
  return kind === 'AccessPolicy' || kind === 'TrustedIssuer'
}

function snapshotOf(
  kinds: readonly FollowedKind[],
  trust: Trust,
  revision: Revision,
): Snapshot & { readonly server: ServerFacts } {
  const seen = kinds.flatMap((kind) => kind.rows())
  const custom = seen.filter(({ resource }) => isCustom(resource.kind))
  const keyed = custom.map(
    (row) => [resourceKey(row.resource.kind, row.resource.metadata), row] as const,
  )
  return {
    revision,
    trust,
    resources: seen.map(({ resource }) => resource),
    problems: [],
    conflicts: [],
    server: {
      refused: new Map(
        keyed.flatMap(([key, { problems }]) => (problems.length > 0 ? [[key, problems]] : [])),
      ),
      generations: new Map(keyed.map(([key, { generation }]) => [key, generation])),
      guards: new Map(
        seen.flatMap(({ resource, guard }) => (guard ? [[resource.metadata.uid, guard]] : [])),
      ),
    },
  }
}

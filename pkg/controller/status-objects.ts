import { isDeepStrictEqual } from 'node:util'
import type { Index } from '../discovery/index.ts'
import type { KeySource } from '../issuers/key-source.ts'
import { apply } from '../kube/apply.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Events } from '../kube/events.ts'
import { KubeError } from '../kube/kube-error.ts'
import { versionOf } from '../kube/objects.ts'
import { keyOf, type Resource } from '../kube/resource.ts'
import { createWorkQueue } from '../kube/work-queue.ts'
import type { Log } from '../telemetry/log.ts'
import type { Outcome } from './reconcile.ts'
import { allSaid, conditionsOf, type Said, type Status, type StatusWriter } from './said.ts'
import type { ClusterSource, Live } from './sources/cluster.ts'
import { resourceKey } from './sources/snapshot.ts'

/** Acknowledgements come in bursts: one round for all of a moment. */
const debounceMs = 50
/** Of one object; what changes sooner is told with the next. */
const betweenWritesMs = 500
/** After a conflict the watch brings what there is now; this is for when it is slow. */
const conflictRetryMs = 1000

/** A count that only falls, because a sidecar connects anew, is told if it has not risen again by then. */
const dipMs = 5000

const group = { group: 'tokenward.dev', version: 'v1alpha1' }
const resources: Readonly<Record<string, Resource>> = {
  AccessPolicy: { ...group, plural: 'accesspolicies', kind: 'AccessPolicy', isNamespaced: true },
  TrustedIssuer: { ...group, plural: 'trustedissuers', kind: 'TrustedIssuer', isNamespaced: false },
}

/** An object as it is, and the status that it should get. */
interface Change {
  readonly live: Live
  readonly status: Status
}

/**
 * Status as conditions of the objects themselves, by server-side apply: only while this replica leads,
 * only where what is said has changed, and only on the version that was seen.
 */
export function createStatusObjects(options: {
  readonly client: KubeClient
  readonly index: Index
  readonly keySource: KeySource
  readonly live: ClusterSource['live']
  readonly leading: () => boolean
  readonly events: Events
  readonly log: Log
  readonly now: () => Date
  /** Status cannot be written, and is tried again; undefined: it can. */
  readonly onFailure: (error: unknown) => void
}): StatusWriter {
  const { client, leading, events, log, now, onFailure } = options
  const wanted = new Map<string, Said>()
  /** What was written last, for as long as the watch has not shown it. */
  const written = new Map<string, Live & { readonly atMs: number }>()
  /** What was last asked of the server: it is no news, and what failed comes back by itself. */
  const tried = new Map<string, Change>()
  /** Since when the count of an object is lower than its status says. */
  const dips = new Map<string, number>()
  let outcome: Outcome | undefined
  let timer: NodeJS.Timeout | undefined
  let lastLookMs = 0

  const liveOf = (key: string, { kind, namespace, name }: Said): Live | undefined => {
    const seen = options.live(kind as 'AccessPolicy', keyOf({ namespace, name }))
    const last = written.get(key)
    if (seen === undefined || last === undefined) return seen
    return versionOf(last.resourceVersion) > versionOf(seen.resourceVersion) ? last : seen
  }
  const statusFor = (key: string, said: Said, live: Live): Status => {
    const before = live.status as Partial<Status> | undefined
    const observedGeneration = outcome?.snapshot.server?.generations.get(key) ?? 0
    const known = { before, observedGeneration, now: now().toISOString() }
    return { observedGeneration, conditions: conditionsOf(said.findings, known), ...said.rest }
  }
  /** The status that an object should get; undefined where it has it. */
  const changeOf = (key: string, said: Said): Change | undefined => {
    const live = liveOf(key, said)
    if (live === undefined) return undefined
    const status = statusFor(key, said, live)
    return isDeepStrictEqual(live.status, status) ? undefined : { live, status }
  }
  const waitFor = (key: string, { live, status }: Change): number => {
    const nowMs = performance.now()
    if (!isDip(live.status as Partial<Status> | undefined, status)) dips.delete(key)
    else if (!dips.has(key)) dips.set(key, nowMs)
    const dipAtMs = dips.get(key) ?? -Infinity
    const writtenAtMs = written.get(key)?.atMs ?? -Infinity
    return Math.max(dipAtMs + dipMs, writtenAtMs + betweenWritesMs) - nowMs
  }
  const queue = createWorkQueue({
    name: 'status',
    log,
    async work(key) {
      const said = wanted.get(key)
      if (said === undefined) return
      if (!leading()) {
        tried.delete(key)
        return
      }
      const change = changeOf(key, said)
      if (change === undefined) {
        dips.delete(key)
        return
      }
      const waitMs = waitFor(key, change)
      if (waitMs > 0) {
        queue.addAfter(key, waitMs)
        return
      }
      const { kind, namespace, name } = said
      const resource = resources[kind]
      if (resource === undefined) return
      const metadata = { name, ...(namespace === '' ? {} : { namespace }) }
      const { live, status } = change
      tried.set(key, change)
      try {
        const object = await apply(
          client,
          { resource, object: { metadata, status } },
          {
            fieldManager: 'tokenward-controller-status',
            subresource: 'status',
            resourceVersion: live.resourceVersion,
          },
        )
        const { resourceVersion, uid } = object.metadata
        const made = { resourceVersion, status: object['status'] }
        written.set(key, { ...made, atMs: performance.now() })
        // What others wrote beside it, or an older schema cut, stays so: it is not written again.
        tried.set(key, { live: made, status })
        onFailure(undefined)
        warn(said, { before: live.status as Partial<Status> | undefined, uid })
      } catch (error) {
        const isGone = error instanceof KubeError && error.reason === 'NotFound'
        const isOther = error instanceof KubeError && error.status === 409
        if (isOther) {
          // What we wrote may be gone, as after a restore of the store: what is seen counts again.
          written.delete(key)
          queue.addAfter(key, conflictRetryMs)
        } else if (!isGone) {
          onFailure(error)
          throw error
        }
      }
    },
  })
  /** Who applied a policy that does not count is told where he looks for it. */
  const warn = (
    { kind, namespace, name, findings }: Said,
    { before, uid }: { readonly before: Partial<Status> | undefined; readonly uid: string },
  ): void => {
    for (const { type, status, reason, message } of findings) {
      if (type !== 'Accepted' || status !== 'False') continue
      const last = before?.conditions?.find((condition) => condition.type === type)
      if (last?.status === status && last.message === message) continue
      const place = namespace === '' ? { name } : { namespace, name }
      const regarding = { apiVersion: `${group.group}/${group.version}`, kind, uid, ...place }
      events.record({ regarding, type: 'Warning', reason, action: 'Compile', note: message })
    }
  }
  const look = (): void => {
    timer = undefined
    if (outcome === undefined || !leading()) return
    const startedAtMs = performance.now()
    const all = allSaid(outcome, options)
    const next = new Map(all.map((said) => [resourceKey(said.kind, said), said]))
    for (const key of wanted.keys()) if (!next.has(key)) forget(key)
    for (const [key, said] of next) {
      wanted.set(key, said)
      const change = changeOf(key, said)
      if (change !== undefined && !isSame(change, tried.get(key))) queue.add(key)
    }
    lastLookMs = performance.now() - startedAtMs
  }
  const forget = (key: string): void => {
    wanted.delete(key)
    written.delete(key)
    tried.delete(key)
    dips.delete(key)
  }
  const again = (): void => {
    // Of a thousand policies it takes long: streams get their turn in between.
    timer ??= setTimeout(look, Math.max(debounceMs, 4 * lastLookMs))
  }
  const forgetBack = client.onBack(() => {
    tried.clear()
    again()
  })

  return {
    take(next) {
      outcome = next
      again()
    },
    again,
    async close() {
      forgetBack()
      clearTimeout(timer)
      await queue.close()
    },
  }
}

/** Whether it is the same that is to be said of the same version; the times follow from these. */
function isSame(change: Change, last: Change | undefined): boolean {
  return (
    last?.live.resourceVersion === change.live.resourceVersion &&
    isDeepStrictEqual(timeless(change.status), timeless(last.status))
  )
}

function timeless({ conditions, ...rest }: Status): object {
  return { ...rest, conditions: conditions.map((one) => ({ ...one, lastTransitionTime: '' })) }
}

/** Whether all that has changed is that fewer pods than before are known to have applied the same. */
function isDip(before: Partial<Status> | undefined, next: Status): boolean {
  const [was, is] = [before?.targets, next.targets]
  const programmed = next.conditions.find(({ type }) => type === 'Programmed')
  return (
    was !== undefined &&
    is !== undefined &&
    was.workloads === is.workloads &&
    was.applied > is.applied &&
    before?.observedGeneration === next.observedGeneration &&
    programmed?.message === `applied ${is.applied} of ${is.workloads}`
  )
}

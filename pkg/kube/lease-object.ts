import { microTime } from './micro-time.ts'
import type { KubeMetadata } from './objects.ts'
import { apiVersionOf, type Resource } from './resource.ts'

export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  isNamespaced: true,
}

/** Where the leader says at what address its peers reach it. */
const addressAnnotation = 'tokenward.dev/leader-address'

export interface LeaseObject {
  readonly metadata: KubeMetadata
  readonly spec?: {
    readonly holderIdentity?: string
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

export interface Leader {
  readonly identity: string
  readonly address?: string
}

/** Who holds a lease; undefined where nobody does. */
export function leaderOf(lease: LeaseObject | undefined): Leader | undefined {
  const identity = lease?.spec?.holderIdentity ?? ''
  if (identity === '') return undefined
  const address = lease?.metadata.annotations?.[addressAnnotation]
  return { identity, ...(address === undefined ? {} : { address }) }
}

/** A lease as this leader's, from what it was. */
export function heldBy(
  leader: Leader,
  before: LeaseObject | { readonly metadata: Pick<KubeMetadata, 'name' | 'namespace'> },
  at: { readonly nowMs: number; readonly durationMs: number },
): object {
  const now = microTime(at.nowMs)
  const spec = 'spec' in before ? before.spec : undefined
  const isRenewal = spec?.holderIdentity === leader.identity
  const transitions = spec?.leaseTransitions ?? 0
  return leaseOf(before.metadata, leader.address, {
    holderIdentity: leader.identity,
    leaseDurationSeconds: Math.max(1, Math.round(at.durationMs / 1000)),
    acquireTime: isRenewal ? (spec.acquireTime ?? now) : now,
    renewTime: now,
    leaseTransitions: spec === undefined || isRenewal ? transitions : transitions + 1,
  })
}

/** A lease that its holder gives up: free at once, for those too who read its times. */
export function released(before: LeaseObject, nowMs: number): object {
  const now = microTime(nowMs)
  return leaseOf(before.metadata, undefined, {
    holderIdentity: '',
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: before.spec?.leaseTransitions ?? 0,
  })
}

/** With what others wrote beside it, but for who manages which field: that is not ours to send back. */
function leaseOf(
  metadata: Partial<KubeMetadata>,
  address: string | undefined,
  spec: object,
): object {
  const annotations: Record<string, string> = { ...metadata.annotations }
  delete annotations[addressAnnotation]
  if (address !== undefined) annotations[addressAnnotation] = address
  return {
    apiVersion: apiVersionOf(leases),
    kind: leases.kind,
    metadata: { ...metadata, annotations, managedFields: undefined },
    spec,
  }
}

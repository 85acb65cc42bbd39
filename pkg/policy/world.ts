/** Everything that `compile` looks at, and what it says about each custom resource. */
import type { Namespace, Pod, Service, ServiceAccount } from '../api/core.ts'
import type { AccessPolicy, TrustedIssuer } from '../api/types.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'
import type { Problem } from './problem.ts'

export interface World {
  readonly trustDomain: string
  readonly clusterDomain: string
  readonly namespaces: readonly Namespace[]
  readonly serviceAccounts: readonly ServiceAccount[]
  readonly services: readonly Service[]
  readonly pods: readonly Pod[]
  readonly policies: readonly AccessPolicy[]
  readonly issuers: readonly TrustedIssuer[]
  /** TrustedIssuer's name -> the keys that its `jwksUri` served. */
  readonly jwks?: ReadonlyMap<string, { readonly keys: readonly JsonWebKeyRow[] }>
}

export interface Condition {
  readonly type: 'Accepted' | 'Programmed'
  readonly status: 'True' | 'False'
  readonly reason:
    'Accepted' | 'Invalid' | 'TargetNotFound' | 'NoSelector' | 'Conflicted' | 'NoWorkloads'
  readonly message: string
}

/** What became of one custom resource. */
export interface Verdict {
  readonly kind: 'AccessPolicy' | 'TrustedIssuer'
  /** Empty for a TrustedIssuer. */
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** `Accepted` always; `Programmed` only where no workload is selected. */
  readonly conditions: readonly Condition[]
  /** With the field that each is about. */
  readonly problems: readonly Problem[]
  /** UIDs of the pods that the targets select. */
  readonly pods: readonly string[]
}

/** The verdict on a resource that allows nothing. */
export function refuse(
  resource: AccessPolicy | TrustedIssuer,
  reason: Condition['reason'],
  problems: readonly Problem[],
): Verdict {
  const shown = problems.slice(0, 8).map(({ field, message }) => `${field}: ${message}`)
  const rest = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : []
  const message = clip([...shown, ...rest].join('; '))
  return verdict(resource, { status: 'False', reason, message }, { problems })
}

/** The bound of a condition's message in the schemas is 4,096 characters. */
export function clip(message: string): string {
  return message.length > 4096 ? `${message.slice(0, 4095)}…` : message
}

/** A verdict with its condition `Accepted`. */
export function verdict(
  resource: AccessPolicy | TrustedIssuer,
  accepted: Omit<Condition, 'type'>,
  rest: { problems?: readonly Problem[]; pods?: readonly string[]; more?: readonly Condition[] },
): Verdict {
  const { namespace, name, uid } = resource.metadata
  return {
    kind: resource.kind,
    namespace,
    name,
    uid,
    conditions: [{ type: 'Accepted', ...accepted }, ...(rest.more ?? [])],
    problems: rest.problems ?? [],
    pods: rest.pods ?? [],
  }
}

/** Identity of a workload. */
export function identityOf(trustDomain: string, namespace: string, account: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`
}

/** By code unit, so that the same world gives the same bytes everywhere. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** Objects in the order of namespace, name and UID. */
export function inOrder<T extends { readonly metadata: Namespace['metadata'] }>(
  objects: readonly T[],
): T[] {
  return [...objects].sort(
    ({ metadata: one }, { metadata: other }) =>
      compareText(one.namespace, other.namespace) ||
      compareText(one.name, other.name) ||
      compareText(one.uid, other.uid),
  )
}

/** A record with own members only, in the order of its keys. */
export function sortedRecord<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([one], [other]) => compareText(one, other)))
}

import type { AccessPolicy, TrustedIssuer } from '../api/types.ts'
import type { Problem } from './problem.ts'

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

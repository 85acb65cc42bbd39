import type { Reason } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import { matchRules } from './match.ts'
import type { CompiledOperation, OutboundRule } from './workload-policy.ts'

/** One thing to ask the authority for; the first that it grants is used. */
export interface Candidate {
  readonly policy: string
  readonly rule: string
  readonly operation: CompiledOperation
}

export interface Choice {
  /** `self`: the caller acts as itself, whoever its request is for. */
  readonly as: 'subject' | 'self'
  /** At least one; each set of scopes once. */
  readonly candidates: readonly Candidate[]
}

/**
 * Which token a caller needs for a call, by the rules of the route. With a subject: the rules by which
 * it may act for it, and only where none speaks of subjects at all, those by which it acts as itself
 * (`Forbidden`). Without: the rules by which it may act as itself. A Refusal where there is none.
 */
export function choose(
  rules: readonly OutboundRule[],
  request: { readonly method: string; readonly path: string | null },
  subject: { readonly subjectIssuer: string } | undefined,
): Choice | Refusal {
  const forSubject: Candidate[] = []
  const forSelf: Candidate[] = []
  let refusal: Refusal | undefined
  for (const { rule, operation } of matchRules(rules, request.method, request.path)) {
    const asSelf = subject === undefined || rule.delegation === 'Forbidden'
    const against = asSelf ? againstSelf(rule) : againstSubject(rule, subject.subjectIssuer)
    const { policy, rule: name } = rule
    if (against !== undefined) refusal ??= new Refusal(against, { policy, rule: name })
    else add(asSelf ? forSelf : forSubject, { policy, rule: name, operation })
  }
  if (forSubject.length > 0) return { as: 'subject', candidates: forSubject }
  // A subject that a rule turns away is never a reason to act without it.
  if (subject !== undefined && refusal !== undefined) return refusal
  if (forSelf.length > 0) return { as: 'self', candidates: forSelf }
  return refusal ?? new Refusal('no_rule')
}

function againstSelf({ delegation, subjectIssuers }: OutboundRule): Reason | undefined {
  if (delegation === 'Required') return 'delegation_required'
  return subjectIssuers === undefined ? undefined : 'subject_not_allowed'
}

function againstSubject(rule: OutboundRule, subjectIssuer: string): Reason | undefined {
  const { delegation, subjectIssuers } = rule
  if (delegation === 'Required' && subjectIssuer === '') return 'delegation_required'
  const fits = subjectIssuers === undefined || subjectIssuers.includes(subjectIssuer)
  return fits ? undefined : 'subject_not_allowed'
}

function add(candidates: Candidate[], candidate: Candidate): void {
  const { scopes } = candidate.operation
  const known = candidates.some(
    ({ operation: { scopes: others } }) =>
      others.length === scopes.length && others.every((scope) => scopes.includes(scope)),
  )
  if (!known) candidates.push(candidate)
}

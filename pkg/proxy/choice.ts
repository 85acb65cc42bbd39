import { matchRules } from '../policy/match.ts'
import type { CompiledOperation, OutboundRule, Route } from '../policy/workload-policy.ts'
import type { Reason } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Subject } from './subject.ts'

/** One thing to ask the authority for; the first that it grants is used. */
export interface Candidate {
  readonly policy: string
  readonly rule: string
  readonly operation: CompiledOperation
}

export interface Choice {
  /** `self`: the workload acts as itself, whoever the request is for. */
  readonly as: 'subject' | 'self'
  /** At least one; each set of scopes once. */
  readonly candidates: readonly Candidate[]
}

/**
 * Which token a call needs (data-plane.md, architecture.md "On behalf of"). With a subject: the rules
 * that let the workload act for it, and only where none could, those by which it acts as itself alone
 * (`Forbidden`). Without: the rules that let it act as itself. Gives a Refusal where there is none.
 */
export function choose(
  route: Pick<Route, 'rules'>,
  request: { readonly method: string; readonly path: string | null },
  subject: Subject | undefined,
): Choice | Refusal {
  const matches = matchRules(route.rules, request.method, request.path)
  if (matches.length === 0) return new Refusal('no_rule')
  let refusal: Refusal | undefined
  const forSubject: Candidate[] = []
  const forSelf: Candidate[] = []
  for (const { rule, operation } of matches) {
    const candidate = { policy: rule.policy, rule: rule.rule, operation }
    const asSelf = subject === undefined || rule.delegation === 'Forbidden'
    const against = asSelf ? againstSelf(rule) : againstSubject(rule, subject)
    if (against === undefined) add(asSelf ? forSelf : forSubject, candidate)
    else refusal ??= new Refusal(against, { policy: rule.policy, rule: rule.rule })
  }
  if (forSubject.length > 0) return { as: 'subject', candidates: forSubject }
  // A subject that a rule turns away is never a reason to act without him.
  if (subject !== undefined && refusal !== undefined) return refusal
  if (forSelf.length > 0) return { as: 'self', candidates: forSelf }
  return refusal ?? new Refusal('no_rule')
}

function againstSelf(rule: OutboundRule): Reason | undefined {
  if (rule.delegation === 'Required') return 'delegation_required'
  return rule.subjectIssuers === undefined ? undefined : 'subject_not_allowed'
}

function againstSubject(rule: OutboundRule, { bearer }: Subject): Reason | undefined {
  const { subjectIssuer } = bearer
  if (rule.delegation === 'Required' && subjectIssuer === '') return 'delegation_required'
  return rule.subjectIssuers === undefined || rule.subjectIssuers.includes(subjectIssuer)
    ? undefined
    : 'subject_not_allowed'
}

function add(candidates: Candidate[], candidate: Candidate): void {
  const { scopes } = candidate.operation
  if (!candidates.some((other) => sameScopes(other.operation.scopes, scopes))) {
    candidates.push(candidate)
  }
}

function sameScopes(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((s) => other.includes(s)))
}

import type { Reason } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Bearer } from '../token/claims.ts'
import type { BoundRule, TargetPort } from './bind.ts'
import { decide } from './decide.ts'
import { decideIssue, type Grant, type IssueSubject } from './issue.ts'
import { knowsNeeds, templateOf } from './match.ts'
import type { CompiledOperation } from './workload-policy.ts'

/** One call, with everything that decisions about it depend on. */
export interface Call {
  readonly client: string
  readonly clientUid: string
  readonly method: string
  /** Canonical; null where it is ambiguous. */
  readonly path: string | null
  readonly subject: IssueSubject | undefined
}

/** What one rule says about a call. */
export interface RuleExplanation {
  /** `namespace/name` of the AccessPolicy. */
  readonly policy: string
  readonly rule: string
  /** Where it stands in the policy, such as `spec.rules[2]`. */
  readonly field: string
  readonly allows: boolean
  /** Why not: the reason that stands first in the way. */
  readonly reason?: Reason
  readonly namesCaller: boolean
  readonly operations: readonly OperationExplanation[]
}

export interface OperationExplanation {
  /** Such as `spec.rules[2].operations[0]`. */
  readonly field: string
  readonly matches: boolean
  /** What of it does not fit. */
  readonly differs?: 'method' | 'path'
  /** What it needs of the token. */
  readonly scopes: readonly string[]
}

/** Asks one rule alone: would the authority issue, and would the target then allow. */
export function explainRule(target: TargetPort, rule: BoundRule, call: Call): RuleExplanation {
  const { inbound, field, operationFields } = rule
  const operations = inbound.operations.map((row, i) =>
    explainOperation(row, operationFields[i] ?? field, call),
  )
  const namesCaller = inbound.callers[call.client] === call.clientUid && call.clientUid !== ''
  const base = {
    policy: inbound.policy,
    rule: inbound.rule,
    field,
    namesCaller,
    operations,
  }
  if (!knowsNeeds(inbound.needs)) return { ...base, allows: false, reason: 'no_rule' }
  let reason: Reason = 'no_rule'
  for (const { matches, scopes } of operations) {
    if (!matches) continue
    if (!namesCaller) {
      reason = 'caller_not_allowed'
      continue
    }
    const outcome = tryScopes(rule, scopes, call, target)
    if (outcome === undefined) return { ...base, allows: true }
    reason = outcome
  }
  return { ...base, allows: false, reason }
}

function tryScopes(
  rule: BoundRule,
  asked: readonly string[],
  call: Call,
  target: TargetPort,
): Reason | undefined {
  const issued = issueFor(call, rule.inbound.delegation, { edges: rule.edges, asked })
  if (issued instanceof Refusal) return issued.reason
  const port = { rules: [rule.inbound], public: [] }
  const decision = decide(port, call, bearerOf(issued.grant, issued.subject, call, target))
  return decision.kind === 'deny' ? decision.refusal.reason : undefined
}

/** A caller acts as itself where the rule forbids delegation, whoever's request it serves. */
export function issueFor(
  call: Call,
  delegation: BoundRule['inbound']['delegation'],
  { edges, asked }: { edges: BoundRule['edges']; asked: readonly string[] },
): { readonly grant: Grant; readonly subject: IssueSubject | undefined } | Refusal {
  const subject = delegation === 'Forbidden' ? undefined : call.subject
  const own = edges.filter(
    (edge) => edge.client === call.client && edge.clientUid === call.clientUid,
  )
  const grant = decideIssue({ edges: own, client: call.client, subject, asked })
  return grant instanceof Refusal ? grant : { grant, subject }
}

/** The token that would be issued, as the target's sidecar would see it. */
export function bearerOf(
  grant: Grant,
  subject: IssueSubject | undefined,
  call: Call,
  target: TargetPort,
): Bearer {
  return {
    origin: 'authority',
    issuerName: '',
    audiences: [target.audience],
    subject: subject?.subject ?? call.client,
    subjectIssuer: subject?.subjectIssuer ?? '',
    client: call.client,
    clientUid: call.clientUid,
    actors: grant.actors,
    scopes: grant.scopes,
    groups: [],
    issuedAtSeconds: 0,
    notBeforeSeconds: 0,
    expiresAtSeconds: grant.lifetimeSeconds,
    id: '',
    hash: '',
    claims: {},
  }
}

/** Whether a row covers the call, and if not, what of it differs. */
export function explainOperation(
  row: CompiledOperation,
  field: string,
  { method, path }: Pick<Call, 'method' | 'path'>,
): OperationExplanation {
  const matches = templateOf(row, method, path) !== null
  const { scopes } = row
  if (matches) return { field, matches, scopes }
  const differs = row.methods?.includes(method) === false ? 'method' : 'path'
  return { field, matches, differs, scopes }
}

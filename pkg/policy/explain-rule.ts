import type { Reason } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Bearer } from '../token/claims.ts'
import type { BoundRule, TargetPort } from './bind.ts'
import { decide } from './decide.ts'
import { decideIssue, type Grant, type IssueSubject } from './issue.ts'
import { knowsNeeds, templateOf } from './match.ts'
import type { CompiledOperation, Edge } from './workload-policy.ts'

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
    const outcome = tryScopes(rule, scopes, { call, target })
    if (outcome === undefined) return { ...base, allows: true }
    reason = outcome
  }
  return { ...base, allows: false, reason }
}

function tryScopes(
  rule: BoundRule,
  asked: readonly string[],
  { call, target }: Place,
): Reason | undefined {
  const subject = rule.inbound.delegation === 'Forbidden' ? undefined : call.subject
  const grant = issueFor(call, subject, { edges: rule.edges, asked })
  if (grant instanceof Refusal) return grant.reason
  // explain has found the issuer of the subject among those that are trusted.
  const subjectIssuers = subject === undefined ? [] : [subject.subjectIssuer]
  const port = { rules: [rule.inbound], public: [], subjectIssuers }
  const decision = decide(port, call, bearerOf(grant, subject, { call, target }))
  return decision.kind === 'deny' ? decision.refusal.reason : undefined
}

/** What the authority answers to the caller, by those of these edges that are its own. */
export function issueFor(
  { client, clientUid }: Call,
  subject: IssueSubject | undefined,
  { edges, asked }: { readonly edges: readonly Edge[]; readonly asked: readonly string[] },
): Grant | Refusal {
  const own = edges.filter((edge) => edge.client === client && edge.clientUid === clientUid)
  return decideIssue({ edges: own, client, subject, asked })
}

interface Place {
  readonly call: Call
  readonly target: TargetPort
}

/** The token that would be issued, as the target's sidecar would see it. */
export function bearerOf(
  grant: Grant,
  subject: IssueSubject | undefined,
  { call, target }: Place,
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
    subjectScopes: grant.subjectScopes,
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

import { Refusal } from '../refusal/refusal.ts'
import type { PublicFacts } from '../refusal/refusal.ts'
import type { Reason } from '../refusal/reasons.ts'
import type { Bearer } from '../token/claims.ts'
import { knowsNeeds, templateOf } from './match.ts'
import type { CompiledOperation, InboundRule, IssuerCaller, PortPolicy } from './workload-policy.ts'

export type Decision =
  | {
      readonly kind: 'allow'
      /** No token was needed, and none speaks: nobody is the subject. */
      readonly public: boolean
      /** `namespace/name` of the AccessPolicy. */
      readonly policy: string
      /** Empty for a public operation. */
      readonly rule: string
      /** What the operation needs of the token. */
      readonly scopes: readonly string[]
      /** The path template by which it was allowed; empty: every path. */
      readonly template: string
    }
  | { readonly kind: 'deny'; readonly refusal: Refusal }

/** How far a request came with a rule: the refusal that came furthest is the one reported. */
const ranks: Partial<Record<Reason, number>> = {
  no_rule: 0,
  caller_not_allowed: 1,
  delegation_required: 2,
  delegation_forbidden: 2,
  actor_chain_too_long: 3,
  subject_not_allowed: 4,
  subject_scope: 5,
  insufficient_scope: 6,
}

/**
 * What a target answers to one request, by the policy of the port it arrived at. `path` is canonical,
 * or null where it is ambiguous and no row of the port judges paths. `bearer` is a verified token
 * that has not expired; its audience is judged here. With a token, rules go before public operations,
 * so that its subject is known; where no rule allows it, a public operation still does.
 */
export function decide(
  port: PortPolicy | undefined,
  request: { readonly method: string; readonly path: string | null },
  bearer: Bearer | undefined,
): Decision {
  if (port === undefined) return deny('no_policy')
  let nearest: Decision | undefined
  if (bearer !== undefined) {
    nearest = decideByRules(port, request, bearer)
    if (nearest.kind === 'allow') return nearest
  }
  for (const row of port.public) {
    const template = templateOf(row, request.method, request.path)
    if (template === null) continue
    return { kind: 'allow', public: true, policy: row.policy ?? '', rule: '', scopes: [], template }
  }
  return nearest ?? deny('no_token')
}

function decideByRules(
  port: PortPolicy,
  request: { readonly method: string; readonly path: string | null },
  bearer: Bearer,
): Decision {
  let reason: Reason = 'no_rule'
  let facts: PublicFacts = {}
  let spoken = port.rules.length === 0
  for (const rule of port.rules) {
    if (!speaksFor(rule, port, bearer)) continue
    spoken = true
    if (!knowsNeeds(rule.needs)) continue
    for (const row of rule.operations) {
      const template = templateOf(row, request.method, request.path)
      if (template === null) continue
      const against = reasonAgainst(rule, row, { bearer, port })
      const { policy, rule: name } = rule
      if (against === undefined) {
        return { kind: 'allow', public: false, policy, rule: name, scopes: row.scopes, template }
      }
      if ((ranks[against] ?? 0) <= (ranks[reason] ?? 0)) continue
      reason = against
      facts = { policy, rule: name }
      if (against === 'insufficient_scope') facts = { ...facts, scope: row.scopes.join(' ') }
    }
  }
  return spoken ? deny(reason, facts) : deny('token_audience')
}

function deny(reason: Reason, facts?: PublicFacts): Decision {
  return { kind: 'deny', refusal: new Refusal(reason, facts) }
}

/** A rule speaks for its target's audience, or for an issuer's that names the target's Service. */
function speaksFor(rule: InboundRule, port: PortPolicy, bearer: Bearer): boolean {
  if (bearer.origin === 'authority') return bearer.audiences.includes(rule.audience)
  const named = rule.issuers.some(
    (caller) => caller.name === bearer.issuerName && shares(caller.audiences, bearer.audiences),
  )
  if (named) return true
  const all = port.issuerAudiences
  if (all === undefined || !Object.hasOwn(all, bearer.issuerName)) return false
  return shares(all[bearer.issuerName] ?? [], bearer.audiences)
}

function shares(some: readonly string[], others: readonly string[]): boolean {
  return some.some((value) => others.includes(value))
}

function reasonAgainst(
  rule: InboundRule,
  row: CompiledOperation,
  { bearer, port }: { readonly bearer: Bearer; readonly port: PortPolicy },
): Reason | undefined {
  const against =
    bearer.origin === 'authority' ? againstOurs(rule, bearer) : againstForeign(rule, bearer)
  if (against !== undefined) return against
  const { subjectIssuer } = bearer
  if (rule.subjectIssuers?.includes(subjectIssuer) === false) return 'subject_not_allowed'
  // A token of ours outlives the trust in its user's issuer by minutes: it is judged by today's.
  if (subjectIssuer !== '' && port.subjectIssuers?.includes(subjectIssuer) !== true) {
    return 'subject_not_allowed'
  }
  const { subjectScopes } = rule
  if (subjectScopes?.every((scope) => bearer.subjectScopes.includes(scope)) === false) {
    return 'subject_scope'
  }
  return row.scopes.every((scope) => bearer.scopes.includes(scope))
    ? undefined
    : 'insufficient_scope'
}

function againstOurs(rule: InboundRule, bearer: Bearer): Reason | undefined {
  const { client, clientUid, actors } = bearer
  if (clientUid === '' || rule.callers[client] !== clientUid) return 'caller_not_allowed'
  const forUser = bearer.subjectIssuer !== ''
  if (actors.length === 0) {
    if (rule.delegation === 'Required') return 'delegation_required'
    // A user with nobody who acts for him is no token that we issue.
    return bearer.subject === client && !forUser ? undefined : 'caller_not_allowed'
  }
  if (actors[0] !== client) return 'caller_not_allowed'
  if (rule.delegation === 'Forbidden') return 'delegation_forbidden'
  if (rule.delegation === 'Required' && !forUser) return 'delegation_required'
  return actors.length > rule.maxActors ? 'actor_chain_too_long' : undefined
}

/**
 * A foreign token names no actor of ours: its client (`azp`, `client_id`) is the caller, and acts for
 * the subject unless it is the subject (RFC 9068 2.2: `sub` is the client where no user takes part).
 * A token that names no client is its subject's own: no delegation that could be shown.
 */
function againstForeign(rule: InboundRule, bearer: Bearer): Reason | undefined {
  const caller = rule.issuers.find((entry) => names(entry, bearer))
  if (caller === undefined) return 'caller_not_allowed'
  const self = bearer.client === '' || bearer.subject === caller.subjectPrefix + bearer.client
  const delegated = bearer.actors.length > 0 || !self
  if (rule.delegation === 'Required' && !delegated) return 'delegation_required'
  if (rule.delegation === 'Forbidden' && delegated) return 'delegation_forbidden'
  return undefined
}

function names(entry: IssuerCaller, bearer: Bearer): boolean {
  if (entry.name !== bearer.issuerName || !shares(entry.audiences, bearer.audiences)) return false
  if (entry.clients !== undefined && !fits(entry.clients, bearer.client)) return false
  if (entry.subjects === undefined) return true
  const { subjectPrefix } = entry
  if (!bearer.subject.startsWith(subjectPrefix)) return false
  return fits(entry.subjects, bearer.subject.slice(subjectPrefix.length))
}

/** `*` as the last character matches the rest; nothing matches an empty value. */
function fits(patterns: readonly string[], value: string): boolean {
  if (value === '') return false
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern,
  )
}

import { Refusal } from '../refusal/refusal.ts'
import type { Reason } from '../refusal/reasons.ts'
import type { Bearer } from '../token/claims.ts'
import { knowsNeeds } from './match.ts'
import type { Edge } from './workload-policy.ts'

/** What a subject token says that issuing depends on. */
export type IssueSubject = Pick<
  Bearer,
  | 'origin'
  | 'subject'
  | 'subjectIssuer'
  | 'client'
  | 'actors'
  | 'scopes'
  | 'subjectScopes'
  | 'audiences'
>

export interface IssueQuestion {
  /** Edges of this client (identity and UID) to the one audience that is asked for. */
  readonly edges: readonly Edge[]
  /** Identity of the authenticated client. */
  readonly client: string
  /** The verified subject token that it may present; undefined: it asks for itself. */
  readonly subject?: IssueSubject | undefined
  /** Undefined: none were named, so all that the edge grants. */
  readonly asked?: readonly string[] | undefined
}

/** What may be issued. */
export interface Grant {
  readonly edge: Edge
  /** Sorted. */
  readonly scopes: readonly string[]
  /** The edge's; the subject's own end bounds it further. */
  readonly lifetimeSeconds: number
  readonly maxActors: number
  /** Actors of the new token, outermost first; empty where the client acts as itself. */
  readonly actors: readonly string[]
  /**
   * Scopes of the subject's own token that any edge to the audience asks for. One token serves the rules
   * of all of them, so that the target can judge the one that a call needs.
   */
  readonly subjectScopes: readonly string[]
}

const ranks: Partial<Record<Reason, number>> = {
  invalid_target: 0,
  invalid_scope: 1,
  delegation_required: 2,
  delegation_forbidden: 2,
  actor_chain_too_long: 3,
  subject_not_allowed: 4,
  subject_scope: 5,
}

/**
 * What the authority may issue (tokens.md, exchange rules 2, 3, 4 and 6), or why not: `invalid_target`
 * without an edge, `invalid_scope` where no edge covers what was asked, else the reason of the edge
 * that came furthest. Of several edges that serve, the one with the shortest lifetime, then by name.
 * An edge with a condition on the subject serves nobody who acts as itself.
 */
export function decideIssue(question: IssueQuestion): Grant | Refusal {
  let nearest: { readonly reason: Reason; readonly edge: Edge } | undefined
  let best: Grant | undefined
  for (const edge of question.edges) {
    if (edge.client !== question.client || !knowsNeeds(edge.needs)) continue
    const outcome = tryEdge(edge, question)
    if (typeof outcome === 'string') {
      const rank = ranks[nearest?.reason ?? 'invalid_target'] ?? 0
      if ((ranks[outcome] ?? 0) > rank) nearest = { reason: outcome, edge }
    } else if (best === undefined || precedes(outcome, best)) {
      best = outcome
    }
  }
  if (best !== undefined) return best
  // Made only now: an error records its stack, which costs more than the rest of this.
  if (nearest === undefined) return new Refusal('invalid_target')
  const { reason, edge } = nearest
  return new Refusal(reason, { policy: edge.policy, rule: edge.rule })
}

function precedes(one: Grant, other: Grant): boolean {
  if (one.lifetimeSeconds !== other.lifetimeSeconds) {
    return one.lifetimeSeconds < other.lifetimeSeconds
  }
  if (one.edge.policy !== other.edge.policy) return one.edge.policy < other.edge.policy
  return one.edge.rule < other.edge.rule
}

function tryEdge(edge: Edge, { edges, client, subject, asked }: IssueQuestion): Grant | Reason {
  const sameAudience = subject?.audiences.includes(edge.audience) === true
  const within = (scope: string) => !sameAudience || subject.scopes.includes(scope)
  if (asked?.every((scope) => edge.scopes.includes(scope) && within(scope)) === false) {
    return 'invalid_scope'
  }
  const scopes = [...new Set(asked ?? edge.scopes.filter(within))].sort()

  // A client that presents its own token for the same audience narrows it: nobody acts anew.
  const narrows = sameAudience && subject.origin === 'authority' && subject.client === client
  const actors = subject === undefined ? [] : narrows ? subject.actors : [client, ...subject.actors]
  const forUser = subject !== undefined && subject.subjectIssuer !== ''
  const forItself = actors.length === 0 && (subject === undefined || subject.subject === client)

  if (edge.delegation === 'Required' && !(forUser && actors.length > 0)) {
    return 'delegation_required'
  }
  if (edge.delegation === 'Forbidden' && !forItself) return 'delegation_forbidden'
  if (actors.length > edge.maxActors) return 'actor_chain_too_long'
  if (edge.subjectIssuers !== undefined) {
    if (!edge.subjectIssuers.includes(subject?.subjectIssuer ?? '')) return 'subject_not_allowed'
  }
  // A token that is narrowed no longer shows its subject's scopes, but what was known of them.
  const known = (narrows ? subject.subjectScopes : subject?.scopes) ?? []
  if (!edge.subjectScopes.every((scope) => known.includes(scope))) return 'subject_scope'
  const askedFor = new Set(edges.flatMap((one) => one.subjectScopes))
  const subjectScopes = [...askedFor].filter((scope) => known.includes(scope)).sort()
  const { lifetimeSeconds, maxActors } = edge
  return { edge, scopes, lifetimeSeconds, maxActors, actors, subjectScopes }
}

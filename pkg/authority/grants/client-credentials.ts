import { decideIssue } from '../../policy/issue.ts'
import { Refusal } from '../../refusal/refusal.ts'
import { readScopes, readTarget, refuseParameters } from '../parameters.ts'
import type { GrantType } from './grant.ts'

/** A token of the workload itself (RFC 6749 4.4), where an edge lets it act for itself. */
export const clientCredentials: GrantType = ({ form, client, policy, nowSeconds, trail }) => {
  refuseParameters(form, [
    'subject_token',
    'subject_token_type',
    'actor_token',
    'actor_token_type',
    'requested_token_type',
  ])
  const audience = readTarget(form)
  trail.audience = audience
  const asked = readScopes(form)
  const edges = policy.edges(client, audience)
  const grant = decideIssue({ edges, client: client.identity, asked })
  if (grant instanceof Refusal) throw grant
  return {
    audience,
    scopes: grant.scopes,
    subjectScopes: grant.subjectScopes,
    policy: grant.edge.policy,
    rule: grant.edge.rule,
    subject: undefined,
    actors: grant.actors,
    expiresAtSeconds: nowSeconds + grant.lifetimeSeconds,
  }
}

import { readScopes, readTarget, refuseParameters } from '../parameters.ts'
import { authorise, type GrantType } from './grant.ts'

/** A token of the workload itself (RFC 6749 4.4), where an edge lets it act for itself. */
export const clientCredentials: GrantType = (request) => {
  const { form, nowSeconds, trail } = request
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
  const { authorised, lifetimeSeconds } = authorise(request, { audience, asked })
  return { ...authorised, subject: undefined, expiresAtSeconds: nowSeconds + lifetimeSeconds }
}

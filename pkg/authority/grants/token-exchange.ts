import { Refusal } from '../../refusal/refusal.ts'
import type { Bearer } from '../../token/claims.ts'
import { tokenTypes } from '../../token/exchange.ts'
import type { Client } from '../clients/client.ts'
import type { Form } from '../form.ts'
import { readScopes, readTarget, refuseParameters } from '../parameters.ts'
import type { Policy } from '../policy-state.ts'
import { together } from '../together.ts'
import { authorise, type GrantType } from './grant.ts'

/** A token that would end at once is of no use, and clocks differ (tokens.md, rule 6). */
const leastRemainingSeconds = 10

/** Acts on behalf of the subject of a token (RFC 8693), by the exchange rules of tokens.md. */
export const tokenExchange: GrantType = async (request) => {
  const { form, client, policy, nowSeconds, trail, verifySubject } = request
  refuseParameters(form, [])
  refuseActor(form)
  const issuedTokenType = readRequestedType(form)
  const audience = readTarget(form)
  trail.audience = audience
  const asked = readScopes(form)
  const token = readSubjectToken(form)

  await together
  const subject = await verifySubject(token)
  await together
  trail.subject = subject
  requireStatedType(form, subject)
  requirePresentable(subject, client, audience)
  requireSupported(subject)
  requireTrust(subject, policy)
  if (subject.expiresAtSeconds - nowSeconds < leastRemainingSeconds) {
    throw new Refusal('subject_token', { hint: 'The subject token is about to end.' })
  }

  const seen = asSeenBy(client, subject)
  const { authorised, lifetimeSeconds } = authorise(request, { audience, asked, subject: seen })
  return {
    ...authorised,
    subject,
    expiresAtSeconds: Math.min(
      nowSeconds + lifetimeSeconds,
      // A date may have a fraction; `expires_in` has none.
      Math.floor(subject.expiresAtSeconds),
    ),
    issuedTokenType,
  }
}

/** RFC 8693 2.1: the actor is the client; a token that says otherwise is refused, never dropped. */
function refuseActor(form: Form): void {
  const token = form.get('actor_token')
  const type = form.get('actor_token_type')
  if (token === undefined && type !== undefined) {
    throw new Refusal('invalid_request', {
      hint: 'actor_token_type must not come without actor_token.',
    })
  }
  if (token !== undefined) throw new Refusal('actor_token_unsupported')
}

function readRequestedType(form: Form): string {
  const type = form.get('requested_token_type') ?? tokenTypes.accessToken
  if (type === tokenTypes.accessToken || type === tokenTypes.jwt) return type
  throw new Refusal('invalid_request', { hint: 'The requested_token_type is not supported.' })
}

function readSubjectToken(form: Form): string {
  const token = form.get('subject_token')
  const type = form.get('subject_token_type')
  if (token === undefined || type === undefined) {
    throw new Refusal('invalid_request', {
      hint: 'subject_token and subject_token_type are required.',
    })
  }
  if (type !== tokenTypes.accessToken && type !== tokenTypes.jwt) {
    throw new Refusal('invalid_request', { hint: 'The subject_token_type is not supported.' })
  }
  return token
}

/** RFC 8693 3: an `access_token` is one that this authority issued; others are a `jwt`. */
function requireStatedType(form: Form, subject: Bearer): void {
  if (form.get('subject_token_type') === tokenTypes.accessToken && subject.origin !== 'authority') {
    throw new Refusal('subject_token', { hint: 'The subject token is not of the stated type.' })
  }
}

/**
 * Rule 1: a valid signature alone is a confused deputy. The token must be meant for a target of this
 * client's workload, or be the client's own for the audience that is asked, which can only narrow it.
 * Its rule may be gone by now: the target's sidecar judges that when a token arrives, and what the
 * client may do with it is decided by the edges of today.
 */
function requirePresentable(subject: Bearer, client: Client, audience: string): void {
  const { workload } = client
  const own = subject.origin === 'authority'
  const foreign = Object.hasOwn(workload.issuerAudiences, subject.issuerName)
    ? workload.issuerAudiences[subject.issuerName]
    : undefined
  const meantForUs = own ? workload.audiences : (foreign ?? [])
  if (subject.audiences.some((value) => meantForUs.includes(value))) return
  const narrows =
    own &&
    subject.client === client.identity &&
    subject.clientUid === client.uid &&
    subject.audiences.includes(audience)
  if (!narrows) throw new Refusal('subject_token')
}

/** `may_act` limits who may act, and nothing enforces it yet (rule 5). `cnf` never gets this far. */
function requireSupported(subject: Bearer): void {
  if (subject.claims['may_act'] !== undefined) throw new Refusal('subject_token_unsupported')
}

/** A token of ours outlives the trust in its user's issuer; it is judged by today's. */
function requireTrust(subject: Bearer, policy: Policy): void {
  if (subject.subjectIssuer !== '' && !policy.trusts(subject.subjectIssuer)) {
    throw new Refusal('subject_token')
  }
}

/** What an account of this name got that was deleted since is not this client's own to narrow. */
function asSeenBy(client: Client, subject: Bearer): Bearer {
  const anothers = subject.client === client.identity && subject.clientUid !== client.uid
  return anothers ? { ...subject, client: '' } : subject
}

import { Refusal } from '../refusal/refusal.ts'
import type { AccessTokenClaims, Act, Ancestor, Bearer } from '../token/claims.ts'
import type { Client } from './clients/client.ts'
import type { Granted } from './grants/grant.ts'

const maxAncestors = 8

/** Claims of a subject that are carried on, by name and kind (tokens.md, rule 7); all others stay behind. */
const carried: Readonly<Record<string, (value: unknown) => boolean>> = {
  auth_time: (value) => typeof value === 'number' && Number.isFinite(value),
  acr: (value) => typeof value === 'string',
  amr: (value) =>
    Array.isArray(value) && value.length <= 16 && value.every((item) => typeof item === 'string'),
  sid: (value) => typeof value === 'string',
}

/** The claims of a token that was granted (RFC 9068 2.2, RFC 8693 4). Throws Refusal. */
export function claimsOf(
  granted: Granted,
  context: {
    readonly issuer: string
    readonly client: Client
    readonly nowSeconds: number
    readonly id: string
  },
): AccessTokenClaims {
  const { issuer, client, nowSeconds, id } = context
  const { subject } = granted
  return {
    iss: issuer,
    sub: subject?.subject ?? client.identity,
    aud: granted.audience,
    client_id: client.identity,
    client_uid: client.uid,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: granted.expiresAtSeconds,
    jti: id,
    ...(granted.scopes.length === 0 ? {} : { scope: granted.scopes.join(' ') }),
    ...(granted.subjectScopes.length === 0 ? {} : { sub_scope: granted.subjectScopes.join(' ') }),
    ...(subject === undefined ? {} : ofSubject(subject)),
    ...actOf(granted.actors),
    rule: `${granted.policy}/${granted.rule}`,
  }
}

function ofSubject(subject: Bearer): Partial<AccessTokenClaims> {
  const claims: Record<string, unknown> = { anc: ancestorsOf(subject) }
  if (subject.subjectIssuer !== '') claims['sub_iss'] = subject.subjectIssuer
  if (subject.groups.length > 0) claims['groups'] = subject.groups
  for (const [name, fits] of Object.entries(carried)) {
    const value = subject.claims[name]
    if (value !== undefined && fits(value)) claims[name] = value
  }
  return claims
}

/** Oldest first; the subject token itself is the last. */
function ancestorsOf(subject: Bearer): readonly Ancestor[] {
  const own = subject.origin === 'authority'
  const older = (own ? (subject.claims['anc'] ?? []) : []) as readonly Ancestor[]
  if (older.length === maxAncestors) {
    throw new Refusal('actor_chain_too_long', { hint: 'The token has too many ancestors.' })
  }
  const rule = own ? String(subject.claims['rule']) : ''
  const { id, issuedAtSeconds, client } = subject
  return [...older, { id, iat: issuedAtSeconds, client, rule, grant: '' }]
}

function actOf(actors: readonly string[]): { act?: Act } {
  const act = actors.reduceRight<Act | undefined>(
    (inner, sub) => (inner === undefined ? { sub } : { sub, act: inner }),
    undefined,
  )
  return act === undefined ? {} : { act }
}

import { Refusal } from '../refusal/refusal.ts'
import type { Bearer, IssuerTrust } from './claims.ts'
import type { JsonObject } from './json.ts'
import { none, readAudiences, readOptionalString, readScopes, readStrings } from './read-claims.ts'
import { refuseClaim } from './refuse-claim.ts'
import { readTimes } from './times.ts'

/** Subjects that only our own authority and the API server may name. */
const reservedPrefixes = ['spiffe://', 'client:', 'system:']

/**
 * Claims that mark what is no access token although its `typ` does not say so: an ID token (OpenID
 * Connect Core 2, 3.1.3.6, 3.3.2.11), a security event or logout token (RFC 8417 2.2), a signed
 * introspection answer (RFC 9701 5).
 */
const foreignMarks = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events', 'token_introspection']

/** Values of a payload `typ` claim, as some servers write it, that say what the token is instead. */
const foreignKinds = ['id', 'logout', 'refresh', 'offline']

/**
 * The decision form of a token of a TrustedIssuer, mapped as its trust says. `type` is the header's.
 * Refuses `token_type` and `token_claims`.
 */
export function foreignBearer(
  claims: JsonObject,
  trust: IssuerTrust,
  token: { readonly type: string; readonly hash: string },
): Omit<Bearer, 'claims'> {
  refuseOtherTypes(claims, token.type)
  const jti = readOptionalString(claims, 'jti')
  const scopes = readScopes(claims, claims['scope'] === undefined ? 'scp' : 'scope')
  return {
    origin: 'issuer',
    issuerName: trust.name,
    audiences: readAudiences(claims),
    subject: mapSubject(claims, trust),
    subjectIssuer: trust.name,
    client: readOptionalString(claims, claims['azp'] === undefined ? 'client_id' : 'azp'),
    clientUid: '',
    actors: none,
    scopes,
    subjectScopes: scopes,
    groups: readGroups(claims, trust.groupsClaim),
    ...readTimes(claims),
    id: jti === '' ? token.hash : jti,
    hash: token.hash,
  }
}

/** An issuer that types its access tokens (RFC 9068 2.1) is believed; else the marks decide. */
function refuseOtherTypes(claims: JsonObject, type: string): void {
  if (type === 'at+jwt') return
  if (type !== '' && type !== 'jwt') throw refuseType('typ')
  for (const mark of foreignMarks) if (Object.hasOwn(claims, mark)) throw refuseType(mark)
  const kind = claims['typ']
  if (typeof kind === 'string' && foreignKinds.includes(kind.toLowerCase())) {
    throw refuseType('typ claim')
  }
}

function mapSubject(claims: JsonObject, trust: IssuerTrust): string {
  const value = atPath(claims, trust.subjectClaim)
  if (typeof value !== 'string' || value === '' || !value.isWellFormed()) {
    throw refuseClaim(trust.subjectClaim)
  }
  const subject = trust.subjectPrefix + value
  const lower = subject.toLowerCase()
  if (reservedPrefixes.some((prefix) => lower.startsWith(prefix))) {
    throw refuseClaim(trust.subjectClaim)
  }
  // No issuer's prefix begins another's, so this can only happen under an empty one (api.md).
  if (trust.foreignPrefixes.some((prefix) => prefix !== '' && subject.startsWith(prefix))) {
    throw refuseClaim(trust.subjectClaim)
  }
  return subject
}

function readGroups(claims: JsonObject, path: string | undefined): readonly string[] {
  const value = path === undefined ? undefined : atPath(claims, path)
  if (value === undefined) return none
  return readStrings(typeof value === 'string' ? [value] : value, 'groups')
}

/** A member of that whole name (`https://x.example/groups`), else a path of names with dots between. */
function atPath(claims: JsonObject, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path]
  let at: unknown = claims
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined
    if (!Object.hasOwn(at, name)) return undefined
    at = (at as JsonObject)[name]
  }
  return at
}

function refuseType(mark: string): Refusal {
  return new Refusal('token_type', {}, mark)
}

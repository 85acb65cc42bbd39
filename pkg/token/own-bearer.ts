import type { Bearer } from './claims.ts'
import { isObject, type JsonObject } from './json.ts'
import {
  none,
  readAudiences,
  readOptionalString,
  readScopes,
  readString,
  readStrings,
} from './read-claims.ts'
import { refuseClaim } from './refuse-claim.ts'
import { readTimes } from './times.ts'

/** Longest chain of actors and longest list of ancestors of a token of ours (tokens.md). */
const MAX_ACTORS = 8
const MAX_ANCESTORS = 8

/**
 * The decision form of a token of ours: every claim that RFC 9068 2.2 requires and every one that our
 * authority always sets must be there. Refuses `token_claims`.
 */
export function ownBearer(claims: JsonObject, hash: string): Omit<Bearer, 'claims'> {
  const audiences = readAudiences(claims)
  // One audience per token, always (tokens.md, Formats).
  if (audiences.length !== 1) throw refuseClaim('aud')
  for (const name of ['iat', 'nbf']) if (claims[name] === undefined) throw refuseClaim(name)
  readString(claims, 'rule')
  checkAncestors(claims['anc'])
  return {
    origin: 'authority',
    issuerName: '',
    audiences,
    subject: readString(claims, 'sub'),
    subjectIssuer: readOptionalString(claims, 'sub_iss'),
    client: readString(claims, 'client_id'),
    clientUid: readString(claims, 'client_uid'),
    actors: readActors(claims['act']),
    scopes: readScopes(claims, 'scope'),
    subjectScopes: readScopes(claims, 'sub_scope'),
    groups: claims['groups'] === undefined ? none : readStrings(claims['groups'], 'groups'),
    ...readTimes(claims),
    id: readString(claims, 'jti'),
    hash,
  }
}

/** Outermost first (RFC 8693 4.1). */
function readActors(act: unknown): readonly string[] {
  const actors: string[] = []
  for (let at = act; at !== undefined;) {
    if (!isObject(at) || actors.length === MAX_ACTORS) throw refuseClaim('act')
    actors.push(readString(at, 'sub'))
    at = at['act']
  }
  return actors.length === 0 ? none : Object.freeze(actors)
}

/** Revocation goes by these entries, so one that cannot be read refuses the token. */
function checkAncestors(ancestors: unknown): void {
  if (ancestors === undefined) return
  if (!Array.isArray(ancestors) || ancestors.length > MAX_ANCESTORS) throw refuseClaim('anc')
  for (const entry of ancestors as unknown[]) {
    if (!isObject(entry)) throw refuseClaim('anc')
    const { id, iat, client, rule, grant } = entry
    const whole =
      typeof id === 'string' &&
      id !== '' &&
      typeof iat === 'number' &&
      iat >= 0 &&
      [client, rule, grant].every((text) => typeof text === 'string')
    if (!whole) throw refuseClaim('anc')
  }
}

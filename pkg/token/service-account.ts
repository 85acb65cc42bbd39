import { Refusal } from '../refusal/refusal.ts'
import type { JsonWebKeyRow } from './claims.ts'
import { readCompact } from './compact.ts'
import { isObject, type JsonObject } from './json.ts'
import { importKeySet, type KeySet } from './key-set.ts'
import type { SigningKey } from './keys.ts'
import { MissingKey } from './missing-key.ts'
import { readAudiences, readString } from './read-claims.ts'
import { refuseClaim } from './refuse-claim.ts'
import { sign } from './sign.ts'
import { readHeader, verifySignature } from './signature.ts'
import { CLOCK_SKEW_SECONDS, judgeTimes, readTimes } from './times.ts'

/** What a projected service-account token says of its pod. */
export interface ServiceAccountFacts {
  readonly namespace: string
  readonly serviceAccount: string
  readonly serviceAccountUid: string
  readonly pod: string
  readonly podUid: string
  readonly issuedAtSeconds: number
  readonly expiresAtSeconds: number
}

/** What API servers sign with. */
const kubernetesAlgorithms = ['RS256', 'ES256', 'ES384', 'ES512']
/** Tokens for the API server itself may live a year; those for us never do (tokens.md). */
const MAX_LIFETIME_SECONDS = 3600
/** RFC 1123 labels and subdomains, as Kubernetes names these objects. */
const label = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/
const subdomain = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/

/**
 * Verifies a projected service-account token as an assertion (RFC 7523 3): exact issuer, this audience
 * and no other, a lifetime of 1 h at most, bound to a pod. Throws Refusal `client_assertion` with the
 * private cause, or `keys_unavailable` where no key of the issuer is here.
 */
export function verifyServiceAccount(
  token: string,
  expected: {
    readonly issuer: string
    readonly keys: readonly JsonWebKeyRow[]
    readonly audience: string
    readonly nowSeconds: number
  },
): ServiceAccountFacts {
  const keys = keySetOf(expected.keys)
  if (keys.keys.length === 0) throw new MissingKey('keys_unavailable', '', undefined)
  try {
    const jws = readCompact(token)
    const header = readHeader(jws.header)
    if (header.type !== '' && header.type !== 'jwt') throw new Refusal('token_type')
    if (jws.payload['iss'] !== expected.issuer) throw new Refusal('token_issuer')
    if (!verifySignature(jws, header, keys)) throw new MissingKey('token_key', '', header.kid)
    const facts = readFacts(jws.payload, expected.audience)
    judgeTimes(readTimes(jws.payload), expected.nowSeconds, CLOCK_SKEW_SECONDS)
    return facts
  } catch (cause) {
    throw cause instanceof Refusal ? new Refusal('client_assertion', {}, cause) : cause
  }
}

/** Mints a token of the form of an API server's, for local mode and tests. */
export function signServiceAccount(
  facts: ServiceAccountFacts & { readonly issuer: string; readonly audience: string },
  key: SigningKey,
): string {
  const { namespace, serviceAccount, serviceAccountUid, pod, podUid } = facts
  const claims = {
    aud: [facts.audience],
    exp: facts.expiresAtSeconds,
    iat: facts.issuedAtSeconds,
    iss: facts.issuer,
    'kubernetes.io': {
      namespace,
      pod: { name: pod, uid: podUid },
      serviceaccount: { name: serviceAccount, uid: serviceAccountUid },
    },
    nbf: facts.issuedAtSeconds,
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
  }
  return sign(claims, key, '')
}

function readFacts(claims: JsonObject, audience: string): ServiceAccountFacts {
  const audiences = readAudiences(claims)
  if (audiences.length !== 1 || audiences[0] !== audience) throw new Refusal('token_audience')
  if (claims['iat'] === undefined) throw refuseClaim('iat')
  const { issuedAtSeconds, expiresAtSeconds } = readTimes(claims)
  const lifetimeSeconds = expiresAtSeconds - issuedAtSeconds
  if (lifetimeSeconds <= 0 || lifetimeSeconds > MAX_LIFETIME_SECONDS) throw refuseClaim('exp')
  const bound = readObject(claims, 'kubernetes.io')
  const account = readObject(bound, 'serviceaccount')
  const pod = readObject(bound, 'pod')
  const namespace = readName(bound, 'namespace', label)
  const serviceAccount = readName(account, 'name', subdomain)
  if (claims['sub'] !== `system:serviceaccount:${namespace}:${serviceAccount}`) {
    throw refuseClaim('sub')
  }
  return {
    namespace,
    serviceAccount,
    serviceAccountUid: readString(account, 'uid'),
    pod: readName(pod, 'name', subdomain),
    podUid: readString(pod, 'uid'),
    issuedAtSeconds,
    expiresAtSeconds,
  }
}

function readObject(claims: JsonObject, name: string): JsonObject {
  const value = claims[name]
  if (isObject(value)) return value
  throw refuseClaim(name)
}

function readName(claims: JsonObject, name: string, form: RegExp): string {
  const value = readString(claims, name)
  if (!form.test(value)) throw refuseClaim(name)
  return value
}

/** One import per list of keys, however many assertions it verifies. */
const imported = new WeakMap<readonly JsonWebKeyRow[], KeySet>()

function keySetOf(keys: readonly JsonWebKeyRow[]): KeySet {
  const known = imported.get(keys)
  if (known !== undefined) return known
  const set = importKeySet(keys, kubernetesAlgorithms)
  imported.set(keys, set)
  return set
}

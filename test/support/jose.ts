import { sign as signBytes } from 'node:crypto'
import { algorithms, cryptoKey } from '../../pkg/token/algorithms.ts'
import type { AccessTokenClaims, IssuerTrust } from '../../pkg/token/claims.ts'
import { generateSigningKey, type SigningKey } from '../../pkg/token/keys.ts'
import { createVerifier } from '../../pkg/token/verify.ts'
import { Refusal } from '../../pkg/refusal/refusal.ts'

export const nowSeconds = 1_800_000_000
export const authorityIssuer = 'https://authority.example'
export const corpIssuer = 'https://idp.corp.example'

export const authorityKey = generateSigningKey('authority-1')
export const corpKey = generateSigningKey('corp-1')

/** Claims that are in order for a token of our authority: web acts for alice at orders. */
export function ownClaims(
  change: Readonly<Record<string, unknown>> = {},
): AccessTokenClaims & Record<string, unknown> {
  return {
    iss: authorityIssuer,
    sub: 'corp:alice',
    aud: 'http://orders.shop.svc.cluster.local',
    client_id: 'spiffe://example/ns/shop/sa/web',
    client_uid: 'a3e1c1f0',
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + 300,
    jti: 'b1946ac92492d2347c6235b4d2611184',
    scope: 'orders:create orders:read',
    sub_iss: 'corp',
    act: { sub: 'spiffe://example/ns/shop/sa/web' },
    rule: 'shop/orders/web',
    ...change,
  }
}

/** Claims that are in order for a token of the TrustedIssuer `corp`. */
export function corpClaims(
  change: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    iss: corpIssuer,
    sub: 'alice',
    aud: 'https://web.shop.example',
    azp: 'portal',
    iat: nowSeconds,
    exp: nowSeconds + 300,
    jti: 'c0ffee',
    scope: 'orders:create',
    ...change,
  }
}

export function corpTrust(change: Partial<IssuerTrust> = {}): IssuerTrust {
  return {
    name: 'corp',
    issuer: corpIssuer,
    jwks: { keys: [corpKey.publicJwk] },
    algorithms: ['ES256', 'RS256', 'PS256', 'EdDSA'],
    subjectPrefix: 'corp:',
    foreignPrefixes: [],
    subjectClaim: 'sub',
    audiences: { 'https://web.shop.example': ['shop/web'] },
    ...change,
  }
}

/** A verifier of our authority and `corp`, whose trust may be changed. */
export function exampleVerifier(
  change: Partial<IssuerTrust> = {},
): ReturnType<typeof createVerifier> {
  return createVerifier({
    authority: { issuer: authorityIssuer, keys: [authorityKey.publicJwk] },
    issuers: [corpTrust(change)],
  })
}

/** base64url of bytes, of text, or of a value as JSON. */
export function encode(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString('base64url')
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString(
    'base64url',
  )
}

/** Signs any header and payload (bytes and text are taken as they are), however wrong they are. */
export function forge(header: unknown, payload: unknown, key: SigningKey): string {
  const input = `${encode(header)}.${encode(payload)}`
  const { digest } = algorithms[key.alg]
  const signature = signBytes(digest, Buffer.from(input), cryptoKey(key.alg, key.privateKey))
  return `${input}.${signature.toString('base64url')}`
}

/** A header of our authority, changed. */
export function ownHeader(change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { alg: 'ES256', typ: 'at+jwt', kid: authorityKey.kid, ...change }
}

/** A header of `corp`, changed. */
export function corpHeader(
  change: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return { alg: 'ES256', kid: corpKey.kid, ...change }
}

/** The reason why `work` was refused, or `allowed`. Any other error is thrown on. */
export function reasonOf(work: () => unknown): string {
  try {
    work()
    return 'allowed'
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

/** What becomes of a token at the example verifier: `allowed`, or the reason of the refusal. */
export function outcomeOf(token: string, change: Partial<IssuerTrust> = {}): string {
  return reasonOf(() => exampleVerifier(change).verify(token, nowSeconds))
}

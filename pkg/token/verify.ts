import { hash as digest } from 'node:crypto'
import { createBoundedSet } from '../cache/bounded-set.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Bearer, IssuerTrust, JsonWebKeyRow } from './claims.ts'
import { readCompact } from './compact.ts'
import { deepFreeze } from './deep-freeze.ts'
import { foreignBearer } from './foreign-bearer.ts'
import { importKeySet, type KeySet } from './key-set.ts'
import { MissingKey } from './missing-key.ts'
import { ownBearer } from './own-bearer.ts'
import { readHeader, verifySignature, type Header } from './signature.ts'
import { CLOCK_SKEW_SECONDS, judgeTimes } from './times.ts'

/** Algorithms of our own authority's keys (architecture.md, Signing keys). */
const ownAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA']

export interface VerifierOptions {
  /** Our own authority (section `keys`). */
  readonly authority?: { readonly issuer: string; readonly keys: readonly JsonWebKeyRow[] }
  /** Section `issuers`. Issuers that share an identifier, or have our own, are not trusted at all. */
  readonly issuers: readonly IssuerTrust[]
  /** Default 30. */
  readonly clockSkewSeconds?: number
  /** Of so many tokens the signature is verified only once; default 0. */
  readonly rememberSignatures?: number
}

/** Verifies tokens against one generation of keys and trust. */
export interface Verifier {
  /**
   * Verifies type, issuer, signature, claims and dates; the audience is the decision's to judge. Gives
   * a frozen Bearer or throws a Refusal: `token_*`, or `keys_unavailable` (MissingKey for a key that is
   * not here). A token bound to a key (`cnf`) is refused: possession cannot be checked yet, and taking
   * it as a bearer token would drop the binding (RFC 9449 7.1, RFC 8705 3). `hash`: of the token, where
   * it is at hand.
   */
  verify(token: string, nowSeconds: number, hash?: string): Bearer
  /** Judges the dates of a token that was verified before. */
  judge(bearer: Bearer, nowSeconds: number): void
  /** Notes a token that this process has signed with one of these very keys: its signature need not be verified. */
  noteSigned(token: string): void
}

interface Issuer {
  readonly keys: KeySet
  /** Absent for our own authority. */
  readonly trust?: IssuerTrust
}

/** A verifier whose keys are imported once; keys that cannot be used are left out. */
export function createVerifier(options: VerifierOptions): Verifier {
  const clockSkewSeconds = options.clockSkewSeconds ?? CLOCK_SKEW_SECONDS
  const issuers = collect(options)
  // By the SHA-256 of the whole token, signature included. It ends with this generation of keys and trust.
  const signed = createBoundedSet({ maxEntries: options.rememberSignatures ?? 0 })
  const remembers = (options.rememberSignatures ?? 0) > 0

  return {
    verify(token, nowSeconds, hash) {
      const jws = readCompact(token)
      const header = readHeader(jws.header)
      const claims = jws.payload
      const iss = claims['iss']
      const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined
      if (issuer === undefined) throw new Refusal('token_issuer')
      const { trust } = issuer
      // Before the signature: what says of itself that it is no access token is not worth a verification.
      if (trust === undefined && header.type !== 'at+jwt') throw new Refusal('token_type')
      const hashed = hash ?? tokenHash(token)
      if (!remembers || !signed.has(hashed)) {
        requireSignature(jws, header, issuer)
        if (remembers) signed.add(hashed)
      }
      const form =
        trust === undefined
          ? ownBearer(claims, hashed)
          : foreignBearer(claims, trust, { type: header.type, hash: hashed })
      if (claims['cnf'] !== undefined) throw new Refusal('token_bound')
      judgeTimes(form, nowSeconds, clockSkewSeconds)
      return Object.freeze({ ...form, claims: deepFreeze(claims) })
    },
    judge(bearer, nowSeconds) {
      judgeTimes(bearer, nowSeconds, clockSkewSeconds)
    },
    noteSigned(token) {
      if (remembers) signed.add(tokenHash(token))
    },
  }
}

/** SHA-256 of the whole token, base64url: `Bearer.hash`, and the key of every cache of tokens. */
export function tokenHash(token: string): string {
  return digest('sha256', token, 'base64url')
}

function collect(options: VerifierOptions): ReadonlyMap<string, Issuer> {
  const issuers = new Map<string, Issuer>()
  const shared = new Set<string>()
  for (const trust of options.issuers) {
    if (issuers.has(trust.issuer)) shared.add(trust.issuer)
    issuers.set(trust.issuer, {
      keys: importKeySet(trust.jwks?.keys ?? [], trust.algorithms),
      trust,
    })
  }
  for (const issuer of shared) issuers.delete(issuer)
  const { authority } = options
  if (authority !== undefined) {
    issuers.set(authority.issuer, { keys: importKeySet(authority.keys, ownAlgorithms) })
  }
  return issuers
}

function requireSignature(
  jws: ReturnType<typeof readCompact>,
  header: Header,
  { keys, trust }: Issuer,
): void {
  const name = trust?.name ?? ''
  if (keys.keys.length === 0) throw new MissingKey('keys_unavailable', name, header.kid)
  if (!verifySignature(jws, header, keys)) throw new MissingKey('token_key', name, header.kid)
}

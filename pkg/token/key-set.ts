import { createPublicKey, type KeyObject } from 'node:crypto'
import { algorithms, cryptoKey, isAlgorithm, type Algorithm, type CryptoKey } from './algorithms.ts'
import type { JsonWebKeyRow } from './claims.ts'

/** A public key with the one algorithm that it verifies. */
interface VerificationKey {
  readonly kid: string | undefined
  readonly alg: Algorithm
  readonly crypto: CryptoKey
  readonly signatureBytes: number
}

/** The usable keys of a JWK set, and why each other key is not. */
export interface KeySet {
  readonly keys: readonly VerificationKey[]
  readonly refused: readonly { readonly kid: string; readonly why: string }[]
  /**
   * The key of a token: by `kid`; without one, the only key of the algorithm. Undefined where there is
   * none or where several could be meant.
   */
  find(kid: string | undefined, alg: string): VerificationKey | undefined
}

/** RFC 7518 6.2.2, 6.3.2, 6.4.1, RFC 8037 2: members that no published key may have. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const MAX_KEYS = 64
const MAX_RSA_BITS = 8192

/**
 * Imports a JWK set (RFC 7517 5) for one issuer's allow-list of algorithms. A key's algorithm is its
 * `alg`; without one, that of its curve; an RSA key without `alg` gets the first RSA algorithm of the
 * list. Keys that cannot be used are left out with a reason, as are all keys that share a `kid`.
 */
export function importKeySet(rows: readonly unknown[], allowed: readonly string[]): KeySet {
  const keys: VerificationKey[] = []
  const refused: { kid: string; why: string }[] = []
  const kids = new Map<unknown, number>()
  for (const row of rows) {
    const kid = kidOf(row)
    if (kid !== undefined) kids.set(kid, (kids.get(kid) ?? 0) + 1)
  }
  for (const [index, row] of rows.entries()) {
    const kid = kidOf(row)
    const repeated = kid !== undefined && (kids.get(kid) ?? 0) > 1
    const outcome =
      index >= MAX_KEYS
        ? `more than ${MAX_KEYS} keys`
        : repeated
          ? 'its kid is not unique'
          : importKey(row, allowed)
    if (typeof outcome === 'string')
      refused.push({ kid: typeof kid === 'string' ? kid : '', why: outcome })
    else keys.push(outcome)
  }
  const byKid = new Map(keys.map((key) => [key.kid, key]))
  return {
    keys,
    refused,
    find(kid, alg) {
      if (kid !== undefined) return byKid.get(kid)
      const candidates = keys.filter((key) => key.alg === alg)
      return candidates.length === 1 ? candidates[0] : undefined
    },
  }
}

function kidOf(row: unknown): unknown {
  return typeof row === 'object' && row !== null && 'kid' in row ? row.kid : undefined
}

/** The key, or why it is not usable. */
function importKey(row: unknown, allowed: readonly string[]): VerificationKey | string {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return 'it is not an object'
  const jwk = row as JsonWebKeyRow
  const { kty, kid, use, key_ops: operations } = jwk
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) return 'its kid is not a string'
  if (kty === 'oct') return 'it is symmetric'
  if (privateMembers.some((member) => member in jwk)) return 'it shows its private part'
  if (use !== undefined && use !== 'sig') return 'its use is not "sig"'
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'its key_ops lack "verify"'
  }
  const alg = algorithmOf(jwk, allowed)
  if (alg === undefined) return 'its algorithm is not allowed for this issuer'
  const { keyType, curve, signatureBytes } = algorithms[alg]
  if (kty !== keyType || (curve !== undefined && jwk['crv'] !== curve)) {
    return 'it does not fit its alg'
  }
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return 'it cannot be read'
  }
  const bits = key.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < 2048) return 'it is an RSA key of less than 2048 bits'
  if (bits !== undefined && bits > MAX_RSA_BITS) {
    return `it is an RSA key of more than ${MAX_RSA_BITS} bits`
  }
  const exponent = key.asymmetricKeyDetails?.publicExponent
  if (exponent !== undefined && (exponent < 3n || exponent % 2n === 0n || exponent > 2n ** 32n)) {
    return 'its RSA exponent is not acceptable'
  }
  return {
    kid,
    alg,
    crypto: cryptoKey(alg, key),
    signatureBytes: signatureBytes ?? Math.ceil((bits ?? 0) / 8),
  }
}

function algorithmOf(jwk: JsonWebKeyRow, allowed: readonly string[]): Algorithm | undefined {
  const usable = allowed.filter(isAlgorithm)
  if (jwk['alg'] !== undefined) return usable.find((alg) => alg === jwk['alg'])
  return usable.find(
    (alg) =>
      algorithms[alg].keyType === jwk['kty'] &&
      (algorithms[alg].curve === undefined || algorithms[alg].curve === jwk['crv']),
  )
}

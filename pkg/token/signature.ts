import { Buffer } from 'node:buffer'
import { verify as verifyBytes } from 'node:crypto'
import { Refusal } from '../refusal/refusal.ts'
import { algorithms, isAlgorithm } from './algorithms.ts'
import type { CompactJws } from './compact.ts'
import type { JsonObject } from './json.ts'
import type { KeySet } from './key-set.ts'

/** What a header may say and still be acted on; the algorithm is compared with the key's. */
export interface Header {
  readonly alg: string
  readonly kid: string | undefined
  /** Media type, lower case, without `application/` (RFC 7515 4.1.9); empty where there is none. */
  readonly type: string
}

/**
 * Members that bring a key along or change what the payload means. No extension is implemented, so
 * every `crit` is refused (RFC 7515 4.1.11), with it `b64` (RFC 7797), and no compression is.
 */
const forbidden = ['crit', 'b64', 'zip', 'jku', 'jwk', 'x5u', 'x5c', 'enc', 'cty']

/** Reads a JOSE header. Refuses `token_malformed`, or `token_signature` for `none`, HS* and the unknown. */
export function readHeader(header: JsonObject): Header {
  for (const name of forbidden) {
    if (Object.hasOwn(header, name)) throw refuse('token_malformed', `header with ${name}`)
  }
  const { alg, kid, typ } = header
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) {
    throw refuse('token_malformed', 'kid is not a string')
  }
  if (typ !== undefined && typeof typ !== 'string') {
    throw refuse('token_malformed', 'typ is not a string')
  }
  if (typeof alg !== 'string') throw refuse('token_malformed', 'alg is not a string')
  if (!isAlgorithm(alg)) throw refuse('token_signature', 'alg is none, symmetric or unknown')
  const type = typ?.toLowerCase() ?? ''
  return { alg, kid, type: type.startsWith('application/') ? type.slice(12) : type }
}

/**
 * Verifies the signature by the key that the header names. True or a refusal `token_signature`; false
 * where the set has no such key, which the caller reports in its own words.
 */
export function verifySignature(jws: CompactJws, header: Header, keys: KeySet): boolean {
  const key = keys.find(header.kid, header.alg)
  if (key === undefined) return false
  // The algorithm is the key's: the header may agree with it, never choose (RFC 8725 3.1).
  if (key.alg !== header.alg) throw refuse('token_signature', 'alg is not that of the key')
  if (jws.signature.length !== key.signatureBytes) {
    throw refuse('token_signature', 'signature of a wrong length')
  }
  const { digest } = algorithms[key.alg]
  const input = Buffer.from(jws.signingInput, 'latin1')
  if (!verifyBytes(digest, input, key.crypto, jws.signature)) {
    throw refuse('token_signature', 'signature does not verify')
  }
  return true
}

function refuse(reason: 'token_malformed' | 'token_signature', why: string): Refusal {
  return new Refusal(reason, {}, why)
}

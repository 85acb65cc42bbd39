import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { algorithms, isAlgorithm, type Algorithm } from './algorithms.ts'
import type { JsonWebKeyRow } from './claims.ts'
import { thumbprint } from './thumbprint.ts'

/** A key that signs tokens. */
export interface SigningKey {
  readonly kid: string
  readonly alg: Algorithm
  /** RFC 7638: which key it is, whatever its `kid`. */
  readonly thumbprint: string
  readonly privateKey: KeyObject
  /** With `kid`, `alg` and `use: sig`. */
  readonly publicJwk: JsonWebKeyRow
  /** Not enumerable, so that no log, spread or JSON of this object shows it. */
  readonly privateJwk: JsonWebKeyRow
}

/** Makes an ES256 key; the `kid` is the key's RFC 7638 thumbprint unless one is given. */
export function generateSigningKey(kid?: string): SigningKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return assemble(privateKey, 'ES256', kid)
}

/**
 * Reads a private JWK, as `privateJwk` holds it. `alg` decides the algorithm and must fit the key; the
 * `kid` is the thumbprint where it is absent. A plain Error, without any of the key, for anything else.
 */
export function importSigningKey(jwk: JsonWebKeyRow): SigningKey {
  const { alg, kid } = jwk
  if (!isAlgorithm(alg)) throw new Error('a signing key needs an "alg" that is supported')
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) {
    throw new Error('the "kid" of a signing key is a string')
  }
  const { keyType, curve } = algorithms[alg]
  if (jwk['kty'] !== keyType || (curve !== undefined && jwk['crv'] !== curve)) {
    throw new Error('the signing key does not fit its "alg"')
  }
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
  } catch {
    // OpenSSL's own message may quote input.
    throw new Error('the signing key cannot be read as a private JWK')
  }
  return assemble(privateKey, alg, kid)
}

function assemble(privateKey: KeyObject, alg: Algorithm, kid: string | undefined): SigningKey {
  const bare = createPublicKey(privateKey).export({ format: 'jwk' }) as JsonWebKeyRow
  const print = thumbprint(bare)
  const name = kid ?? print
  const attributes = { kid: name, alg, use: 'sig' }
  const key: SigningKey = {
    kid: name,
    alg,
    thumbprint: print,
    privateKey,
    publicJwk: Object.freeze({ ...bare, ...attributes }),
    privateJwk: Object.freeze({ ...privateKey.export({ format: 'jwk' }), ...attributes }),
  }
  return Object.freeze(Object.defineProperty(key, 'privateJwk', { enumerable: false }))
}

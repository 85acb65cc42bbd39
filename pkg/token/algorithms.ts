import { constants, type KeyObject } from 'node:crypto'

/** Every algorithm that is ever accepted (RFC 7518 3.1, RFC 8037): asymmetric signatures alone. */
export type Algorithm =
  'ES256' | 'ES384' | 'ES512' | 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'EdDSA'

interface AlgorithmRow {
  readonly keyType: 'EC' | 'RSA' | 'OKP'
  /** RFC 7518 6.2.1.1, RFC 8037 2: the one curve of the algorithm. */
  readonly curve?: 'P-256' | 'P-384' | 'P-521' | 'Ed25519'
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null
  readonly padding?: number
  /** Length of a signature; that of RSA is the key's. */
  readonly signatureBytes?: number
}

const ec = (
  curve: 'P-256' | 'P-384' | 'P-521',
  digest: 'sha256' | 'sha384' | 'sha512',
  signatureBytes: number,
): AlgorithmRow => ({ keyType: 'EC', curve, digest, signatureBytes })

const rsa = (digest: 'sha256' | 'sha384' | 'sha512', padding: number): AlgorithmRow => ({
  keyType: 'RSA',
  digest,
  padding,
})

/** What each of them means to `node:crypto`. */
export const algorithms: Readonly<Record<Algorithm, AlgorithmRow>> = {
  ES256: ec('P-256', 'sha256', 64),
  ES384: ec('P-384', 'sha384', 96),
  ES512: ec('P-521', 'sha512', 132),
  RS256: rsa('sha256', constants.RSA_PKCS1_PADDING),
  RS384: rsa('sha384', constants.RSA_PKCS1_PADDING),
  RS512: rsa('sha512', constants.RSA_PKCS1_PADDING),
  PS256: rsa('sha256', constants.RSA_PKCS1_PSS_PADDING),
  PS384: rsa('sha384', constants.RSA_PKCS1_PSS_PADDING),
  PS512: rsa('sha512', constants.RSA_PKCS1_PSS_PADDING),
  EdDSA: { keyType: 'OKP', curve: 'Ed25519', digest: null, signatureBytes: 64 },
}

/** Narrows text to an algorithm that is known here: `none`, `HS256` and the like are not. */
export function isAlgorithm(text: unknown): text is Algorithm {
  return typeof text === 'string' && Object.hasOwn(algorithms, text)
}

/** What `node:crypto` takes as the key of this algorithm (RFC 7518 3.4, 3.5: raw ECDSA, salt = hash). */
export interface CryptoKey {
  readonly key: KeyObject
  readonly dsaEncoding?: 'ieee-p1363'
  readonly padding?: number
  readonly saltLength?: number
}

/** The key with the encoding of signatures and the padding of its algorithm. */
export function cryptoKey(algorithm: Algorithm, key: KeyObject): CryptoKey {
  const { keyType, padding } = algorithms[algorithm]
  if (keyType === 'EC') return { key, dsaEncoding: 'ieee-p1363' }
  if (padding === constants.RSA_PKCS1_PSS_PADDING) {
    return { key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  }
  return padding === undefined ? { key } : { key, padding }
}

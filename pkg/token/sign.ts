import { Buffer } from 'node:buffer'
import { sign as signBytes } from 'node:crypto'
import { algorithms, cryptoKey } from './algorithms.ts'
import type { SigningKey } from './keys.ts'

/**
 * Signs claims as a compact JWS (RFC 7515 7.1) with the header `alg`, `kid` and, unless empty, `typ`.
 * Synchronous.
 */
export function sign(claims: object, key: SigningKey, typ: string): string {
  const header = typ === '' ? { alg: key.alg, kid: key.kid } : { alg: key.alg, typ, kid: key.kid }
  const input = `${encode(header)}.${encode(claims)}`
  const { digest } = algorithms[key.alg]
  const signature = signBytes(digest, Buffer.from(input), cryptoKey(key.alg, key.privateKey))
  return `${input}.${signature.toString('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

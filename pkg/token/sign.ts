import { Buffer } from 'node:buffer'
import { sign as signBytes } from 'node:crypto'
import { algorithms, cryptoKey } from './algorithms.ts'
import type { SigningKey } from './keys.ts'

/**
 * Signs claims as a compact JWS (RFC 7515 7.1) with the header `alg`, `kid` and, unless empty, `typ`.
 * Synchronous.
 */
export function sign(claims: object, key: SigningKey, typ: string): string {
  const input = `${headerOf(key, typ)}.${encode(claims)}`
  const { digest } = algorithms[key.alg]
  const signature = signBytes(digest, Buffer.from(input), cryptoKey(key.alg, key.privateKey))
  return `${input}.${signature.toString('base64url')}`
}

/** A key signs many tokens with one header. */
const headers = new WeakMap<SigningKey, Map<string, string>>()

function headerOf(key: SigningKey, typ: string): string {
  let known = headers.get(key)
  if (known === undefined) headers.set(key, (known = new Map<string, string>()))
  let header = known.get(typ)
  if (header === undefined) {
    const { alg, kid } = key
    header = encode(typ === '' ? { alg, kid } : { alg, typ, kid })
    known.set(typ, header)
  }
  return header
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

import { hash } from 'node:crypto'
import type { JsonWebKeyRow } from './claims.ts'

/** The members of RFC 7638 3.2 and RFC 8037 2, in lexical order. */
const members: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** JWK thumbprint with SHA-256, base64url (RFC 7638). A plain Error for a key of another type. */
export function thumbprint(jwk: JsonWebKeyRow): string {
  const names = members[String(jwk['kty'])]
  if (names === undefined) throw new Error('no thumbprint for a key of this type')
  const required = Object.fromEntries(names.map((name) => [name, jwk[name]]))
  return hash('sha256', JSON.stringify(required), 'base64url')
}

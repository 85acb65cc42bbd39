import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import type { JsonWebKeyRow } from './claims.ts'
import { generateSigningKey, importSigningKey } from './keys.ts'
import { thumbprint } from './thumbprint.ts'

test('a key that is written out and read again is the same key', () => {
  const key = generateSigningKey('k1')
  const again = importSigningKey(
    JSON.parse(JSON.stringify(key.privateJwk)) as Record<string, unknown>,
  )
  expect(again.privateKey.equals(key.privateKey)).toBe(true)
  expect(again.publicJwk).toEqual(key.publicJwk)
  expect(key.publicJwk).toMatchObject({ kid: 'k1', alg: 'ES256', use: 'sig', kty: 'EC' })
})

test('the kid is the thumbprint where none is given', () => {
  const key = generateSigningKey()
  expect(key.kid).toBe(thumbprint(key.publicJwk))
  const { kid, ...unnamed } = key.privateJwk
  expect(importSigningKey(unnamed).kid).toBe(kid)
})

test('no way of showing a key shows its private part', () => {
  const key = generateSigningKey('k1')
  const secret = String(key.privateJwk['d'])
  expect(secret).toHaveLength(43)
  const shown = [JSON.stringify(key), inspect(key, { depth: 9 }), JSON.stringify({ ...key })]
  for (const text of shown) expect(text).not.toContain(secret)
  expect(key.publicJwk).not.toHaveProperty('d')
})

test.each([
  ['has no alg', { alg: undefined }],
  ['is symmetric', { alg: 'HS256' }],
  ['is of another curve than its alg', { alg: 'ES384' }],
  ['is of another type than its alg', { alg: 'RS256' }],
  ['has no private part', { d: undefined }],
  ['has a kid that is no text', { kid: 7 }],
])('a signing key that %s is refused, without showing any of it', (_, change) => {
  const jwk: JsonWebKeyRow = { ...generateSigningKey('k1').privateJwk, ...change }
  expect(() => importSigningKey(jwk)).toThrow(Error)
  try {
    importSigningKey(jwk)
  } catch (error) {
    expect(inspect(error)).not.toContain(String(jwk['x']))
  }
})

import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { generateSigningKey } from './keys.ts'
import { importKeySet } from './key-set.ts'
import type { JsonWebKeyRow } from './claims.ts'

const all = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA']
const ec = jwk('P-256')
const rsa = rsaJwk(2048)
const { alg: ignored, kid: unnamed, ...bareEc } = generateSigningKey('bare').publicJwk

function jwk(namedCurve: string): JsonWebKeyRow {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve })
  return { ...publicKey.export({ format: 'jwk' }), kid: namedCurve }
}

function rsaJwk(modulusLength: number): JsonWebKeyRow {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength })
  return { ...publicKey.export({ format: 'jwk' }), kid: `rsa-${modulusLength}` }
}

function outcome(row: unknown, allowed = all): string {
  const { keys, refused } = importKeySet([row], allowed)
  return keys[0]?.alg ?? refused[0]?.why ?? 'lost'
}

test.each([
  ['P-256', ec, 'ES256'],
  ['P-384', jwk('P-384'), 'ES384'],
  ['P-521', jwk('P-521'), 'ES512'],
  ['RSA', rsa, 'RS256'],
  ['RSA for PSS', { ...rsa, alg: 'PS256' }, 'PS256'],
  ['Ed25519', generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }), 'EdDSA'],
  ['for signatures by use', { ...ec, use: 'sig' }, 'ES256'],
  ['for verification by key_ops', { ...ec, key_ops: ['verify'] }, 'ES256'],
  ['with a certificate beside it', { ...ec, x5c: ['MII'], x5t: 'x' }, 'ES256'],
  ['without kid', { ...ec, kid: undefined }, 'ES256'],
])('a key %s is usable with its own algorithm', (_, row, alg) => {
  expect(outcome(row)).toBe(alg)
})

test.each([
  ['symmetric', { kty: 'oct', k: 'c2VjcmV0', kid: 's', alg: 'HS256' }, 'it is symmetric'],
  ['private', generateSigningKey('p').privateJwk, 'it shows its private part'],
  ['with a symmetric member', { ...ec, k: 'AA' }, 'it shows its private part'],
  ['for encryption', { ...ec, use: 'enc' }, 'its use is not "sig"'],
  ['for SPIFFE documents', { ...ec, use: 'jwt-svid' }, 'its use is not "sig"'],
  ['for other operations', { ...ec, key_ops: ['deriveKey'] }, 'its key_ops lack "verify"'],
  ['with operations of a wrong kind', { ...ec, key_ops: 'verify' }, 'its key_ops lack "verify"'],
  ['of RSA with 1024 bits', rsaJwk(1024), 'it is an RSA key of less than 2048 bits'],
  ['of RSA with the exponent 1', { ...rsa, e: 'AQ' }, 'its RSA exponent is not acceptable'],
  ['of RSA with an even exponent', { ...rsa, e: 'AQAA' }, 'its RSA exponent is not acceptable'],
  [
    'of RSA with an exponent of 64 bits',
    { ...rsa, e: 'AQAAAAAAAAE' },
    'its RSA exponent is not acceptable',
  ],
  [
    'of RSA with 16,384 bits',
    { ...rsa, n: 'w'.repeat(2731) },
    'it is an RSA key of more than 8192 bits',
  ],
  ['whose kid is a number', { ...ec, kid: 7 }, 'its kid is not a string'],
  ['whose kid is empty', { ...ec, kid: '' }, 'its kid is not a string'],
  ['whose alg is of another curve', { ...ec, alg: 'ES384' }, 'it does not fit its alg'],
  ['whose alg is of another type', { ...rsa, alg: 'ES256' }, 'it does not fit its alg'],
  [
    'for HMAC with an RSA key',
    { ...rsa, alg: 'HS256' },
    'its algorithm is not allowed for this issuer',
  ],
  ['with alg none', { ...ec, alg: 'none' }, 'its algorithm is not allowed for this issuer'],
  ['whose alg is a number', { ...ec, alg: 7 }, 'its algorithm is not allowed for this issuer'],
  ['on another curve', jwk('secp256k1'), 'its algorithm is not allowed for this issuer'],
  [
    'for key agreement',
    generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' }),
    'its algorithm is not allowed for this issuer',
  ],
  ['whose point is not on its curve', { ...ec, y: ec['x'] }, 'it cannot be read'],
  ['with no coordinates', { kty: 'EC', crv: 'P-256' }, 'it cannot be read'],
  ['of no type', { kid: 'x' }, 'its algorithm is not allowed for this issuer'],
  ['that is text', 'key', 'it is not an object'],
  ['that is null', null, 'it is not an object'],
  ['that is a list', [], 'it is not an object'],
])('a key %s is left out, with the reason', (_, row, why) => {
  expect(outcome(row)).toBe(why)
})

test('an algorithm that the issuer may not use makes its keys unusable', () => {
  expect(outcome(ec, ['ES256'])).toBe('ES256')
  expect(outcome(ec, ['RS256'])).toBe('its algorithm is not allowed for this issuer')
  expect(outcome({ ...ec, alg: 'ES256' }, ['RS256'])).toContain('not allowed')
})

test('an RSA key without alg gets the first RSA algorithm of the list, one alone', () => {
  expect(outcome(rsa, ['ES256', 'PS256', 'RS256'])).toBe('PS256')
  expect(outcome(rsa, ['ES256', 'PS384'])).toBe('PS384')
  expect(outcome({ ...rsa, alg: 'RS256' }, ['PS256', 'RS256'])).toBe('RS256')
})

test('keys that share a kid are all left out; the others stay', () => {
  const set = importKeySet([ec, { ...jwk('P-384'), kid: 'P-256' }, rsa], all)
  expect(set.keys.map(({ kid }) => kid)).toEqual(['rsa-2048'])
  expect(set.refused).toEqual([
    { kid: 'P-256', why: 'its kid is not unique' },
    { kid: 'P-256', why: 'its kid is not unique' },
  ])
})

test('a token without kid gets the only key of its algorithm, never one of several', () => {
  const second = { ...jwk('P-256'), kid: 'second' }
  expect(importKeySet([ec, rsa], all).find(undefined, 'ES256')?.kid).toBe('P-256')
  expect(importKeySet([ec, second], all).find(undefined, 'ES256')).toBeUndefined()
  expect(importKeySet([ec, second], all).find('second', 'ES256')?.kid).toBe('second')
  expect(importKeySet([rsa], all).find(undefined, 'ES256')).toBeUndefined()
})

test('a token with a kid never gets a key that has none', () => {
  expect(unnamed).toBe('bare')
  expect(ignored).toBe('ES256')
  expect(importKeySet([bareEc], all).find('x', 'ES256')).toBeUndefined()
  expect(importKeySet([bareEc], all).find(undefined, 'ES256')).toBeDefined()
})

test('no more than 64 keys of a set are used', () => {
  const many = Array.from({ length: 66 }, (_, index) => ({ ...ec, kid: `k${index}` }))
  const set = importKeySet(many, all)
  expect([set.keys.length, set.refused.length]).toEqual([64, 2])
})

// RFC 8725 3.1: "Each key MUST be used with exactly one algorithm", and 3.2: `none` only where asked
// for, which is nowhere. The header's alg may agree with the key's; it never chooses.
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { importSigningKey } from '../../../pkg/token/keys.ts'
import {
  corpClaims,
  corpHeader,
  corpKey,
  encode,
  exampleVerifier,
  forge,
  nowSeconds,
  reasonOf,
} from '../../support/jose.ts'

const rsa = importSigningKey({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  alg: 'RS256',
  kid: 'rsa',
})
const verifier = exampleVerifier({ jwks: { keys: [corpKey.publicJwk, rsa.publicJwk] } })
const outcome = (token: string): string => reasonOf(() => verifier.verify(token, nowSeconds))

test.each([
  ['an EC key with its own', corpKey, 'ES256', 'allowed'],
  ['an RSA key with its own', rsa, 'RS256', 'allowed'],
  ['an RSA key with PSS', rsa, 'PS256', 'token_signature'],
  ['an RSA key with a longer digest', rsa, 'RS512', 'token_signature'],
  ['an RSA key with ECDSA', rsa, 'ES256', 'token_signature'],
  ['an EC key with RSA', corpKey, 'RS256', 'token_signature'],
  ['an EC key with another curve', corpKey, 'ES384', 'token_signature'],
  ['an EC key with EdDSA', corpKey, 'EdDSA', 'token_signature'],
  ['none', corpKey, 'none', 'token_signature'],
  ['none in another case', corpKey, 'nOnE', 'token_signature'],
  ['its own in another case', corpKey, 'es256', 'token_signature'],
  ['a member of every object', corpKey, 'constructor', 'token_signature'],
  ['an encryption algorithm', rsa, 'RSA1_5', 'token_signature'],
  ['a password', rsa, 'PBES2-HS256+A128KW', 'token_signature'],
  ['no algorithm', corpKey, undefined, 'token_malformed'],
  ['a list', corpKey, ['ES256'], 'token_malformed'],
])('%s as alg', (_, key, alg, expected) => {
  expect(outcome(forge(corpHeader({ kid: key.kid, alg }), corpClaims(), key))).toBe(expected)
})

const pem = createPublicKey(rsa.privateKey).export({ format: 'pem', type: 'spki' })
const der = createPublicKey(rsa.privateKey).export({ format: 'der', type: 'spki' })

test.each([
  ['PEM', pem],
  ['DER', der],
  ['JWK', JSON.stringify(rsa.publicJwk)],
  ['nothing', ''],
])('an HMAC whose secret is the public key as %s is refused', (_, secret) => {
  for (const kid of ['rsa', undefined]) {
    const input = `${encode(corpHeader({ alg: 'HS256', kid }))}.${encode(corpClaims())}`
    const signature = createHmac('sha256', secret).update(input).digest('base64url')
    expect(outcome(`${input}.${signature}`)).toBe('token_signature')
  }
})

test('a key that an issuer may not use by its allow-list verifies nothing', () => {
  const only = exampleVerifier({
    jwks: { keys: [corpKey.publicJwk, rsa.publicJwk] },
    algorithms: ['RS256'],
  })
  const refused = forge(corpHeader(), corpClaims(), corpKey)
  expect(reasonOf(() => only.verify(refused, nowSeconds))).toBe('token_key')
  const allowed = forge(corpHeader({ kid: 'rsa', alg: 'RS256' }), corpClaims(), rsa)
  expect(reasonOf(() => only.verify(allowed, nowSeconds))).toBe('allowed')
})

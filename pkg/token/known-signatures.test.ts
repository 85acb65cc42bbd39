import { expect, test } from 'vitest'
import {
  authorityIssuer,
  authorityKey,
  corpClaims,
  corpHeader,
  corpKey,
  corpTrust,
  forge,
  nowSeconds,
  ownClaims,
  ownHeader,
  reasonOf,
} from '../../test/support/jose.ts'
import { generateSigningKey } from './keys.ts'
import { sign } from './sign.ts'
import { createVerifier, type Verifier } from './verify.ts'

const verifying = (rememberSignatures: number): Verifier =>
  createVerifier({
    authority: { issuer: authorityIssuer, keys: [authorityKey.publicJwk] },
    issuers: [corpTrust()],
    rememberSignatures,
  })
/** What can only pass where nobody looks at the signature. */
const unverifiable = (claims = ownClaims()): string =>
  forge(ownHeader(), claims, generateSigningKey(authorityKey.kid))
const verdict = (verifier: Verifier, token: string, now = nowSeconds): string =>
  reasonOf(() => verifier.verify(token, now))

test('the signature of a token that was signed here is not looked at again', () => {
  const token = unverifiable()
  const verifier = verifying(10)
  expect(verdict(verifier, token)).toBe('token_signature')
  verifier.noteSigned(token)
  expect(verifier.verify(token, nowSeconds)).toMatchObject({ subject: 'corp:alice' })
})

test('a refused signature is not remembered, nor is a token that nobody noted', () => {
  const token = unverifiable()
  const verifier = verifying(10)
  verifier.noteSigned(sign(ownClaims(), authorityKey, 'at+jwt'))
  expect([verdict(verifier, token), verdict(verifier, token)]).toEqual([
    'token_signature',
    'token_signature',
  ])
})

test('the same claims under another signature are another token', () => {
  const token = sign(ownClaims(), authorityKey, 'at+jwt')
  const verifier = verifying(10)
  verifier.verify(token, nowSeconds)
  const at = token.length - 20
  const other = `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`
  expect(verdict(verifier, other)).toBe('token_signature')
  expect(verifier.verify(token, nowSeconds)).toMatchObject({ subject: 'corp:alice' })
})

test.each([
  ['its dates', ownClaims(), ownHeader(), nowSeconds + 3600, 'token_expired'],
  ['its claims', ownClaims({ jti: undefined }), ownHeader(), nowSeconds, 'token_claims'],
  [
    'a key that it is bound to',
    ownClaims({ cnf: { jkt: 'x' } }),
    ownHeader(),
    nowSeconds,
    'token_bound',
  ],
  ['its type', ownClaims(), { ...ownHeader(), typ: 'jwt' }, nowSeconds, 'token_type'],
  ['its issuer', ownClaims({ iss: 'https://x' }), ownHeader(), nowSeconds, 'token_issuer'],
])('%s is judged all the same', (_, claims, header, now, reason) => {
  const verifier = verifying(10)
  const token = forge(header, claims, authorityKey)
  verifier.noteSigned(token)
  expect(verdict(verifier, token, now)).toBe(reason)
  expect(verdict(verifier, token, now)).toBe(reason)
})

test('another generation of keys knows nothing of it', () => {
  const token = unverifiable()
  const before = verifying(10)
  before.noteSigned(token)
  before.verify(token, nowSeconds)
  expect(verdict(verifying(10), token)).toBe('token_signature')
})

test('a verifier that is not asked to remember does not', () => {
  const token = unverifiable()
  const verifier = verifying(0)
  verifier.noteSigned(token)
  expect(verdict(verifier, token)).toBe('token_signature')
})

test('a token of an issuer that was verified is known, and judged by its rules', () => {
  const verifier = verifying(10)
  const token = forge(corpHeader(), corpClaims(), corpKey)
  const first = verifier.verify(token, nowSeconds)
  expect(verifier.verify(token, nowSeconds)).toEqual(first)
  expect(verdict(verifier, token, nowSeconds + 100_000)).toBe('token_expired')
})

import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { forge, nowSeconds, reasonOf } from '../../test/support/jose.ts'
import { generateSigningKey, importSigningKey } from './keys.ts'
import { peek } from './peek.ts'
import { signServiceAccount, verifyServiceAccount } from './service-account.ts'

const issuer = 'https://tokenward.local/serviceaccounts'
const audience = 'tokenward:authority'
const key = generateSigningKey('sa-1')
const keys = [key.publicJwk]
const facts = {
  namespace: 'shop',
  serviceAccount: 'orders.v2',
  serviceAccountUid: '5f1c',
  pod: 'orders-7d4b9',
  podUid: '77aa',
  issuedAtSeconds: nowSeconds,
  expiresAtSeconds: nowSeconds + 3600,
}
const kubernetes = {
  namespace: 'shop',
  pod: { name: 'orders-7d4b9', uid: '77aa' },
  serviceaccount: { name: 'orders.v2', uid: '5f1c' },
}
const claims = {
  iss: issuer,
  aud: [audience],
  sub: 'system:serviceaccount:shop:orders.v2',
  iat: nowSeconds,
  nbf: nowSeconds,
  exp: nowSeconds + 3600,
  'kubernetes.io': kubernetes,
}
const expected = { issuer, keys, audience, nowSeconds }

test('what is signed is what is verified', () => {
  const token = signServiceAccount({ ...facts, issuer, audience }, key)
  expect(verifyServiceAccount(token, expected)).toEqual(facts)
  expect(peek(token)).toEqual({ iss: issuer, aud: [audience] })
})

const pod = kubernetes.pod
test.each([
  ['is in order', {}, 'allowed'],
  [
    'has further bound objects',
    { 'kubernetes.io': { ...kubernetes, node: { name: 'n' } } },
    'allowed',
  ],
  ['names the audience alone, as text', { aud: audience }, 'allowed'],
  ['is for another audience', { aud: ['tokenward:discovery'] }, 'client_assertion'],
  ['is for another audience too', { aud: [audience, 'x'] }, 'client_assertion'],
  ['is for the API server', { aud: ['https://kubernetes.default.svc'] }, 'client_assertion'],
  ['has no audience', { aud: undefined }, 'client_assertion'],
  ['is of another issuer', { iss: `${issuer}/` }, 'client_assertion'],
  ['lives longer than an hour', { exp: nowSeconds + 3601 }, 'client_assertion'],
  ['expires before it is issued', { exp: nowSeconds - 10, iat: nowSeconds }, 'client_assertion'],
  ['has expired', { iat: nowSeconds - 700, exp: nowSeconds - 100 }, 'client_assertion'],
  ['has no iat', { iat: undefined }, 'client_assertion'],
  ['has no exp', { exp: undefined }, 'client_assertion'],
  ['begins later', { nbf: nowSeconds + 60 }, 'client_assertion'],
  ['is a legacy token', { 'kubernetes.io': undefined }, 'client_assertion'],
  ['has no pod', { 'kubernetes.io': { ...kubernetes, pod: undefined } }, 'client_assertion'],
  [
    'has no pod uid',
    { 'kubernetes.io': { ...kubernetes, pod: { name: 'a' } } },
    'client_assertion',
  ],
  [
    'has no pod name',
    { 'kubernetes.io': { ...kubernetes, pod: { uid: 'a' } } },
    'client_assertion',
  ],
  [
    'has no account uid',
    { 'kubernetes.io': { ...kubernetes, serviceaccount: { name: 'orders.v2' } } },
    'client_assertion',
  ],
  [
    'has a namespace of another kind',
    { 'kubernetes.io': { ...kubernetes, namespace: 1 } },
    'client_assertion',
  ],
  [
    'has a pod of another kind',
    { 'kubernetes.io': { ...kubernetes, pod: [pod] } },
    'client_assertion',
  ],
  [
    'has a subject of another account',
    { sub: 'system:serviceaccount:shop:web' },
    'client_assertion',
  ],
  [
    'has a namespace with a colon',
    {
      sub: 'system:serviceaccount:shop:x:orders.v2',
      'kubernetes.io': { ...kubernetes, namespace: 'shop:x' },
    },
    'client_assertion',
  ],
])('an assertion that %s', (_, change, outcome) => {
  const token = forge({ alg: 'ES256', kid: 'sa-1' }, { ...claims, ...change }, key)
  expect(reasonOf(() => verifyServiceAccount(token, expected))).toBe(outcome)
})

test.each([
  ['JWT', 'allowed'],
  ['at+jwt', 'client_assertion'],
  ['dpop+jwt', 'client_assertion'],
])('an assertion of type %s', (typ, outcome) => {
  const token = forge({ alg: 'ES256', kid: 'sa-1', typ }, claims, key)
  expect(reasonOf(() => verifyServiceAccount(token, expected))).toBe(outcome)
})

test('a token as clusters sign them, RS256 with all that they say, is verified', () => {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    format: 'jwk',
  })
  const rsa = importSigningKey({ ...jwk, alg: 'RS256', kid: 'XU9fbT9m' })
  const { n, e } = jwk
  const served = { use: 'sig', kty: 'RSA', kid: 'XU9fbT9m', alg: 'RS256', n, e }
  const all = {
    ...claims,
    jti: 'a',
    'kubernetes.io': { ...kubernetes, node: { name: 'n', uid: 'u' } },
  }
  const token = forge({ alg: 'RS256', kid: 'XU9fbT9m' }, all, rsa)
  expect(verifyServiceAccount(token, { ...expected, keys: [served] })).toEqual(facts)
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({
    format: 'jwk',
  })
  const changed = { ...expected, keys: [{ ...served, n: other.n }] }
  expect(reasonOf(() => verifyServiceAccount(token, changed))).toBe('client_assertion')
})

test('an assertion by another key is refused; with no key at all nobody is at fault', () => {
  const token = forge({ alg: 'ES256', kid: 'sa-1' }, claims, generateSigningKey('sa-1'))
  expect(reasonOf(() => verifyServiceAccount(token, expected))).toBe('client_assertion')
  const none = { ...expected, keys: [] }
  expect(reasonOf(() => verifyServiceAccount(token, none))).toBe('keys_unavailable')
})

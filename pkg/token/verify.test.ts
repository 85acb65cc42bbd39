import { expect, test } from 'vitest'
import {
  authorityIssuer,
  authorityKey,
  corpClaims,
  corpHeader,
  corpIssuer,
  corpKey,
  corpTrust,
  encode,
  exampleVerifier,
  forge,
  nowSeconds,
  ownClaims,
  ownHeader,
  reasonOf,
} from '../../test/support/jose.ts'
import { generateSigningKey } from './keys.ts'
import { MissingKey } from './missing-key.ts'
import { sign } from './sign.ts'
import { createVerifier, tokenHash } from './verify.ts'

const verifier = exampleVerifier()
const own = (claims: object, header = ownHeader()): string =>
  reasonOf(() => verifier.verify(forge(header, claims, authorityKey), nowSeconds))

test('a token of ours becomes the one form that decisions read', () => {
  const claims = ownClaims({
    act: { sub: 'spiffe://b', act: { sub: 'spiffe://a' } },
    groups: ['g'],
    sub_scope: 'shop:buy',
  })
  const token = sign(claims, authorityKey, 'at+jwt')
  expect(verifier.verify(token, nowSeconds)).toEqual({
    origin: 'authority',
    issuerName: '',
    audiences: ['http://orders.shop.svc.cluster.local'],
    subject: 'corp:alice',
    subjectIssuer: 'corp',
    client: 'spiffe://example/ns/shop/sa/web',
    clientUid: 'a3e1c1f0',
    actors: ['spiffe://b', 'spiffe://a'],
    scopes: ['orders:create', 'orders:read'],
    subjectScopes: ['shop:buy'],
    groups: ['g'],
    issuedAtSeconds: nowSeconds,
    notBeforeSeconds: nowSeconds,
    expiresAtSeconds: nowSeconds + 300,
    id: 'b1946ac92492d2347c6235b4d2611184',
    hash: tokenHash(token),
    claims,
  })
})

test('nothing of a verified token can be changed afterwards', () => {
  const token = sign(ownClaims({ anc: [] }), authorityKey, 'at+jwt')
  const bearer = verifier.verify(token, nowSeconds)
  const parts = [bearer, bearer.audiences, bearer.scopes, bearer.actors, bearer.groups]
  for (const part of [...parts, bearer.claims, bearer.claims['act'], bearer.claims['anc']]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
})

test.each([
  ['has all its claims', {}, 'allowed'],
  ['names one audience in an array', { aud: ['a'] }, 'allowed'],
  ['names two audiences', { aud: ['a', 'b'] }, 'token_claims'],
  ['names no audience', { aud: [] }, 'token_claims'],
  ['has an audience that is not a string', { aud: [1] }, 'token_claims'],
  ['has an empty audience', { aud: '' }, 'token_claims'],
  ['has an empty subject', { sub: '' }, 'token_claims'],
  ['has a subject that is a number', { sub: 7 }, 'token_claims'],
  ['has a subject with half a character', { sub: '\ud800' }, 'token_claims'],
  ['has no scopes', { scope: undefined }, 'allowed'],
  ['has a scope with a quote', { scope: 'a"b' }, 'token_claims'],
  ['has scopes that are a number', { scope: 7 }, 'token_claims'],
  ['has groups that are not strings', { groups: [7] }, 'token_claims'],
  ['has an actor that is not an object', { act: 'spiffe://a' }, 'token_claims'],
  ['has an actor without a subject', { act: { act: { sub: 'spiffe://a' } } }, 'token_claims'],
  ['has an older actor that is null', { act: { sub: 'spiffe://a', act: null } }, 'token_claims'],
  ['has 8 actors', { act: chain(8) }, 'allowed'],
  ['has 9 actors', { act: chain(9) }, 'token_claims'],
  ['has 8 ancestors', { anc: ancestors(8) }, 'allowed'],
  ['has 9 ancestors', { anc: ancestors(9) }, 'token_claims'],
  ['has an ancestor without id', { anc: [{ ...ancestors(1)[0], id: '' }] }, 'token_claims'],
  ['has an ancestor without date', { anc: [{ ...ancestors(1)[0], iat: '0' }] }, 'token_claims'],
  ['has ancestors that are no list', { anc: {} }, 'token_claims'],
  ['is bound to a key', { cnf: { jkt: 'x' } }, 'token_bound'],
  ['is bound in an unknown way', { cnf: null }, 'token_bound'],
  ['says who may act', { may_act: { sub: 'x' } }, 'allowed'],
])('a token of ours that %s: %j', (_, change, outcome) => {
  expect(own(ownClaims(change))).toBe(outcome)
})

test.each(['sub', 'aud', 'client_id', 'client_uid', 'iat', 'nbf', 'exp', 'jti', 'rule'])(
  'a token of ours without %s is refused',
  (name) => {
    expect(own(ownClaims({ [name]: undefined }))).toBe('token_claims')
  },
)

test.each([
  ['expires in the future', { exp: nowSeconds + 1 }, 'allowed'],
  ['expired 29 s ago', { exp: nowSeconds - 29 }, 'allowed'],
  ['expired 30 s ago', { exp: nowSeconds - 30 }, 'token_expired'],
  ['begins in 30 s', { nbf: nowSeconds + 30 }, 'allowed'],
  ['begins in 31 s', { nbf: nowSeconds + 31 }, 'token_not_yet_valid'],
  ['was issued in 31 s', { iat: nowSeconds + 31 }, 'token_not_yet_valid'],
  ['has dates with fractions', { exp: nowSeconds + 0.5, iat: nowSeconds - 0.5 }, 'allowed'],
  ['has a date that is text', { exp: String(nowSeconds + 300) }, 'token_claims'],
  ['has a date that is negative', { nbf: -1 }, 'token_claims'],
  ['has a date that is null', { exp: null }, 'token_claims'],
  ['has a date that is no exact number', { exp: 2 ** 53 }, 'token_claims'],
])('a token that %s', (_, change, outcome) => {
  expect(own(ownClaims(change))).toBe(outcome)
})

test('a date that JSON reads as infinite is refused', () => {
  const payload = JSON.stringify(ownClaims({ exp: 0 })).replace('"exp":0', '"exp":1e400')
  const token = forge(ownHeader(), payload, authorityKey)
  expect(reasonOf(() => verifier.verify(token, nowSeconds))).toBe('token_claims')
})

test('keys of one issuer never verify tokens of another', () => {
  const swapped = [
    forge(ownHeader({ kid: corpKey.kid }), ownClaims(), corpKey),
    forge(ownHeader(), ownClaims(), corpKey),
    forge(corpHeader({ kid: authorityKey.kid }), corpClaims(), authorityKey),
    forge(corpHeader(), corpClaims(), authorityKey),
  ]
  expect(swapped.map((token) => reasonOf(() => verifier.verify(token, nowSeconds)))).toEqual([
    'token_key',
    'token_signature',
    'token_key',
    'token_signature',
  ])
})

test('an issuer is compared exactly', () => {
  for (const iss of [
    `${authorityIssuer}/`,
    authorityIssuer.toUpperCase(),
    '',
    undefined,
    null,
    7,
  ]) {
    expect(own(ownClaims({ iss }))).toBe('token_issuer')
  }
})

test('a key that is not here says whose it is, so that it can be fetched', () => {
  const stranger = generateSigningKey('corp-2')
  const token = forge(corpHeader({ kid: 'corp-2' }), corpClaims(), stranger)
  const fail = (): unknown => verifier.verify(token, nowSeconds)
  expect(fail).toThrow(MissingKey)
  expect(fail).toThrow(
    expect.objectContaining({ reason: 'token_key', issuerName: 'corp', kid: 'corp-2' }),
  )
})

test.each([
  ['has not answered yet', undefined],
  ['publishes no key', { keys: [] }],
  ['publishes no usable key', { keys: [{ kty: 'oct', k: 'AAAA' }] }],
])('a trusted issuer that %s is unavailable, not unknown', (_, jwks) => {
  const { jwks: published, ...trust } = corpTrust()
  expect(published).toBeDefined()
  const bare = createVerifier({ issuers: [jwks === undefined ? trust : { ...trust, jwks }] })
  const token = forge(corpHeader(), corpClaims(), corpKey)
  expect(reasonOf(() => bare.verify(token, nowSeconds))).toBe('keys_unavailable')
})

test('two issuers of one identifier are both not trusted', () => {
  const trusts = [corpTrust(), corpTrust({ name: 'other', subjectPrefix: 'other:' })]
  const token = forge(corpHeader(), corpClaims(), corpKey)
  const both = createVerifier({ issuers: trusts })
  expect(reasonOf(() => both.verify(token, nowSeconds))).toBe('token_issuer')
  expect(reasonOf(() => verifier.verify(token, nowSeconds))).toBe('allowed')
})

test('a TrustedIssuer cannot speak for our own authority', () => {
  const usurper = createVerifier({
    authority: { issuer: authorityIssuer, keys: [authorityKey.publicJwk] },
    issuers: [corpTrust({ issuer: authorityIssuer })],
  })
  const token = forge(corpHeader(), corpClaims({ iss: authorityIssuer }), corpKey)
  expect(reasonOf(() => usurper.verify(token, nowSeconds))).toBe('token_type')
  const typed = forge(ownHeader({ kid: corpKey.kid }), ownClaims(), corpKey)
  expect(reasonOf(() => usurper.verify(typed, nowSeconds))).toBe('token_key')
})

test('the private cause of a refusal never shows the token', () => {
  const token = `${encode(ownHeader())}.${encode(ownClaims({ sub: 'secret-subject', exp: 'x' }))}.AAAA`
  try {
    verifier.verify(token, nowSeconds)
    expect.unreachable()
  } catch (error) {
    const shown = JSON.stringify([String(error), String((error as Error).cause)])
    expect(shown).not.toContain('secret-subject')
    expect(shown).not.toContain(corpIssuer)
  }
})

function chain(length: number): object {
  return length === 1 ? { sub: 'spiffe://a' } : { sub: 'spiffe://a', act: chain(length - 1) }
}

function ancestors(length: number): object[] {
  return Array.from({ length }, (_, index) => ({
    id: `id-${index}`,
    iat: nowSeconds,
    client: 'spiffe://a',
    rule: 'a/b/c',
    grant: '',
  }))
}

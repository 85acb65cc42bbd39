import { expect, test } from 'vitest'
import {
  corpClaims,
  corpHeader,
  corpKey,
  exampleVerifier,
  forge,
  nowSeconds,
  reasonOf,
} from '../../test/support/jose.ts'
import type { Bearer, IssuerTrust } from './claims.ts'
import { tokenHash } from './verify.ts'

const read = (
  claims: Record<string, unknown>,
  trust: Partial<IssuerTrust> = {},
  header = corpHeader(),
): Bearer => exampleVerifier(trust).verify(forge(header, claims, corpKey), nowSeconds)

test('a token of a TrustedIssuer is mapped as its trust says', () => {
  const claims = corpClaims({ realm: { roles: ['buyer', 'admin'] }, mail: 'alice@corp.example' })
  const trust = { subjectClaim: 'mail', groupsClaim: 'realm.roles' }
  expect(read(claims, trust)).toMatchObject({
    origin: 'issuer',
    issuerName: 'corp',
    audiences: ['https://web.shop.example'],
    subject: 'corp:alice@corp.example',
    subjectIssuer: 'corp',
    client: 'portal',
    clientUid: '',
    actors: [],
    scopes: ['orders:create'],
    groups: ['buyer', 'admin'],
    id: 'c0ffee',
  })
})

test.each([
  ['azp before client_id', { azp: 'a', client_id: 'b' }, { client: 'a' }],
  ['client_id where there is no azp', { azp: undefined, client_id: 'b' }, { client: 'b' }],
  ['no client', { azp: undefined }, { client: '' }],
  ['scopes of scp as a list', { scope: undefined, scp: ['a', 'b'] }, { scopes: ['a', 'b'] }],
  ['scopes of scp as text', { scope: undefined, scp: 'a b' }, { scopes: ['a', 'b'] }],
  ['scopes of scope before scp', { scope: 'a', scp: 'b' }, { scopes: ['a'] }],
  ['no scopes', { scope: undefined }, { scopes: [] }],
  ['an empty scope', { scope: '' }, { scopes: [] }],
  ['several audiences', { aud: ['a', 'b'] }, { audiences: ['a', 'b'] }],
  ['no iat and nbf', { iat: undefined }, { issuedAtSeconds: 0, notBeforeSeconds: 0 }],
  ['an act claim, which names nobody here', { act: { sub: 'x' } }, { actors: [] }],
])('%s', (_, change, expected) => {
  expect(read(corpClaims(change))).toMatchObject(expected)
})

test('a token without jti is known by its hash', () => {
  const token = forge(corpHeader(), corpClaims({ jti: undefined }), corpKey)
  expect(exampleVerifier().verify(token, nowSeconds).id).toBe(tokenHash(token))
})

test.each([
  [
    'a member of the whole name',
    'https://x.example/groups',
    { 'https://x.example/groups': ['g'] },
    ['g'],
  ],
  ['a path', 'a.b', { a: { b: ['g'] } }, ['g']],
  ['one group as text', 'g', { g: 'one' }, ['one']],
  ['a claim that is absent', 'g', {}, []],
  ['a path into text', 'sub.length', {}, []],
  ['a path into a prototype', '__proto__.constructor.name', {}, []],
])('groups from %s', (_, groupsClaim, change, groups) => {
  expect(read(corpClaims(change), { groupsClaim }).groups).toEqual(groups)
})

test.each([
  ['groups are a number', { groupsClaim: 'g' }, { g: 7 }],
  ['a group is empty', { groupsClaim: 'g' }, { g: [''] }],
  ['the subject claim is absent', { subjectClaim: 'mail' }, {}],
  ['the subject is a list', {}, { sub: ['alice'] }],
  ['the subject is a method of every object', { subjectClaim: 'toString' }, {}],
  ['the subject is empty', {}, { sub: '' }],
  ['scp holds a scope with a space', {}, { scope: undefined, scp: ['a b'] }],
  ['azp is a list', {}, { azp: ['a'] }],
  ['jti is a number', {}, { jti: 1 }],
  ['exp is absent', {}, { exp: undefined }],
  ['aud is absent', {}, { aud: undefined }],
])('a token is refused when %s', (_, trust, change) => {
  expect(reasonOf(() => read(corpClaims(change), trust))).toBe('token_claims')
})

test.each([
  ['', 'alice', 'allowed'],
  ['', 'spiffe://example/ns/shop/sa/web', 'token_claims'],
  ['', 'SPIFFE://example/ns/shop/sa/web', 'token_claims'],
  ['', 'client:portal', 'token_claims'],
  ['', 'system:serviceaccount:shop:web', 'token_claims'],
  ['spiffe://', 'example/ns/shop/sa/web', 'token_claims'],
  ['sys', 'tem:admin', 'token_claims'],
  ['corp:', 'spiffe://example/ns/shop/sa/web', 'allowed'],
  ['', 'partner:bob', 'token_claims'],
  ['', 'partner', 'allowed'],
  ['corp:', 'partner:bob', 'allowed'],
])('under the prefix "%s" the subject %s', (subjectPrefix, sub, outcome) => {
  const trust = { subjectPrefix, foreignPrefixes: ['partner:', ''] }
  expect(reasonOf(() => read(corpClaims({ sub }), trust))).toBe(outcome)
})

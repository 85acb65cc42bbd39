// RFC 8725 3.11 and 3.12: one kind of JWT must not pass for another. Everything here is signed by an
// issuer that is trusted, with a key that is known.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

const outcome = (typ: unknown, change: Record<string, unknown> = {}): string =>
  outcomeOf(forge(corpHeader({ typ }), corpClaims(change), corpKey))

test.each([undefined, 'JWT', 'jwt', 'application/jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt'])(
  'a token of type %s can be an access token',
  (typ) => {
    expect(outcome(typ)).toBe('allowed')
  },
)

test.each([
  'logout+jwt',
  'dpop+jwt',
  'secevent+jwt',
  'token-introspection+jwt',
  'client-authentication+jwt',
  'oauth-authz-req+jwt',
  'txntoken+jwt',
  'oauth-id-jag+jwt',
  'wit+jwt',
  'kb+jwt',
  'id+jwt',
  'application/logout+jwt',
  'JWE',
  'JOSE',
  ' at+jwt',
  'application/application/at+jwt',
  'text/at+jwt',
])('a token of type %s is none', (typ) => {
  expect(outcome(typ)).toBe('token_type')
})

test('a type that is not text is malformed', () => {
  expect(outcome(['at+jwt'])).toBe('token_malformed')
})

const marks: readonly [string, Record<string, unknown>][] = [
  ['an ID token with a nonce', { nonce: 'n' }],
  ['an ID token with the hash of an access token', { at_hash: 'h' }],
  ['an ID token with the hash of a code', { c_hash: 'h' }],
  ['a logout token', { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }],
  ['a signed introspection answer', { token_introspection: { active: true } }],
  ['an ID token by its payload', { typ: 'ID' }],
  ['a refresh token by its payload', { typ: 'Refresh' }],
]

test.each(marks)('%s is none, typed as JWT or not at all', (_, change) => {
  expect([outcome('JWT', change), outcome(undefined, change)]).toEqual(['token_type', 'token_type'])
})

test('an issuer that types its access tokens is believed', () => {
  expect(outcome('at+jwt', { nonce: 'n' })).toBe('allowed')
  expect(outcome('JWT', { typ: 'Bearer' })).toBe('allowed')
})

// RFC 9068 4: the resource server "MUST verify that the 'typ' header value is 'at+jwt' or
// 'application/at+jwt' and reject tokens carrying any other value", and 2.2: the claims that are REQUIRED.
import { expect, test } from 'vitest'
import { authorityKey, forge, outcomeOf, ownClaims, ownHeader } from '../../support/jose.ts'

const outcome = (header: object, claims: object): string =>
  outcomeOf(forge(header, claims, authorityKey))

test.each(['at+jwt', 'application/at+jwt', 'AT+jwt', 'Application/AT+JWT'])(
  '%s is accepted',
  (typ) => {
    expect(outcome(ownHeader({ typ }), ownClaims())).toBe('allowed')
  },
)

test.each([
  undefined,
  '',
  'JWT',
  'application/jwt',
  'id+jwt',
  'logout+jwt',
  'dpop+jwt',
  'at+jwt;v=1',
])('%s is refused', (typ) => {
  expect(outcome(ownHeader({ typ }), ownClaims())).toBe('token_type')
})

test.each(['exp', 'aud', 'sub', 'client_id', 'iat', 'jti'])(
  'a token without %s is refused',
  (name) => {
    expect(outcome(ownHeader(), ownClaims({ [name]: undefined }))).toBe('token_claims')
  },
)

test('a token without iss belongs to nobody', () => {
  expect(outcome(ownHeader(), ownClaims({ iss: undefined }))).toBe('token_issuer')
})

// RFC 7515 4.1.4: "Its value MUST be a case-sensitive string."
import { expect, test } from 'vitest'
import { generateSigningKey } from '../../../pkg/token/keys.ts'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

const second = generateSigningKey('corp-2')
const outcome = (kid: unknown, keys = [corpKey.publicJwk, second.publicJwk]): string =>
  outcomeOf(forge(corpHeader({ kid }), corpClaims(), corpKey), { jwks: { keys } })

test.each([
  ['the key that signed', 'corp-1', 'allowed'],
  ['another key', 'corp-2', 'token_signature'],
  ['the key in another case', 'CORP-1', 'token_key'],
  ['an unknown key', 'corp-3', 'token_key'],
  ['a path', '../corp-1', 'token_key'],
  ['a member of every object', '__proto__', 'token_key'],
  ['a number', 1, 'token_malformed'],
  ['a list', ['corp-1'], 'token_malformed'],
  ['nothing', '', 'token_malformed'],
])('a kid that names %s', (_, kid, expected) => {
  expect(outcome(kid)).toBe(expected)
})

test('no kid at all is enough for the only key of its algorithm, and for no more', () => {
  expect(outcome(undefined, [corpKey.publicJwk])).toBe('allowed')
  expect(outcome(undefined)).toBe('token_key')
})

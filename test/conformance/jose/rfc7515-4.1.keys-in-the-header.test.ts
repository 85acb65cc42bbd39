// RFC 7515 4.1.2, 4.1.3, 4.1.5, 4.1.6 and RFC 8725 3.10: a key that comes with the token proves nothing.
import { expect, test } from 'vitest'
import { generateSigningKey } from '../../../pkg/token/keys.ts'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

const attacker = generateSigningKey('attacker')
const outcome = (change: Record<string, unknown>, key = corpKey): string =>
  outcomeOf(forge(corpHeader(change), corpClaims(), key))

test('a header that only names a key is accepted', () => {
  expect(outcome({})).toBe('allowed')
  expect(outcome({ x5t: 'AAAA', 'x5t#S256': 'AAAA', extra: 1 })).toBe('allowed')
})

const carried = [
  ['jwk', attacker.publicJwk],
  ['jku', 'https://attacker.example/jwks'],
  ['x5u', 'https://attacker.example/cert.pem'],
  ['x5c', ['MIIB']],
] as const

test.each(carried)('%s is refused, whoever signed', (name, value) => {
  expect(outcome({ [name]: value })).toBe('token_malformed')
  expect(outcome({ [name]: value }, attacker)).toBe('token_malformed')
  expect(outcome({ [name]: value, kid: undefined }, attacker)).toBe('token_malformed')
  expect(outcome({ [name]: null })).toBe('token_malformed')
})

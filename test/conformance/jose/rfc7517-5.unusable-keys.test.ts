// RFC 7517 5: "Implementations SHOULD ignore JWKs within a JWK Set that use 'kty' values that are not
// understood ..., that are missing required members, or for which values are out of the supported ranges."
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

const outcome = (...keys: Record<string, unknown>[]): string =>
  outcomeOf(forge(corpHeader(), corpClaims(), corpKey), { jwks: { keys } })

const strange = [
  { kty: 'XYZ', kid: 'a' },
  { kty: 'EC', crv: 'P-256', kid: 'b' },
  { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA', kid: 'c' },
  { kty: 'oct', k: 'c2VjcmV0', kid: 'd' },
  {},
]

test('keys that cannot be used stand in nobody’s way', () => {
  expect(outcome(...strange, corpKey.publicJwk)).toBe('allowed')
})

test('a key that shows its private part, or whose kid another has too, verifies nothing', () => {
  expect(outcome(corpKey.privateJwk)).toBe('keys_unavailable')
  expect(outcome(corpKey.publicJwk, { kty: 'XYZ', kid: corpKey.kid })).toBe('keys_unavailable')
})

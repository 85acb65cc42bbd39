// RFC 7515 4.1.11: "If any of the listed extension Header Parameters are not understood and supported
// by the recipient, then the JWS is invalid." None is supported here, RFC 7797's `b64` included.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

const outcome = (change: Record<string, unknown>): string =>
  outcomeOf(forge(corpHeader(change), corpClaims(), corpKey))

test('a header member that is not critical is ignored', () => {
  expect(outcome({ exp: 1 })).toBe('allowed')
})

test.each([
  { crit: ['exp'], exp: 1 },
  { crit: ['b64'], b64: true },
  { crit: ['b64'], b64: false },
  { crit: [] },
  { crit: 'exp' },
  { crit: null },
  { b64: false },
  { b64: true },
])('%j is refused', (change) => {
  expect(outcome(change)).toBe('token_malformed')
})

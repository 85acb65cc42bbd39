// RFC 9449 7.1 and RFC 8705 3: a token that is bound to a key must not be accepted without proof of
// possession. None can be given yet, so no bound token is accepted.
import { expect, test } from 'vitest'
import {
  authorityKey,
  corpClaims,
  corpHeader,
  corpKey,
  forge,
  outcomeOf,
  ownClaims,
  ownHeader,
} from '../../support/jose.ts'

test.each([
  [undefined, 'allowed'],
  [{ jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }, 'token_bound'],
  [{ 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' }, 'token_bound'],
  [{}, 'token_bound'],
  [null, 'token_bound'],
])('a token with cnf %j', (cnf, expected) => {
  const tokens = [
    forge(ownHeader(), ownClaims({ cnf }), authorityKey),
    forge(corpHeader(), corpClaims({ cnf }), corpKey),
  ]
  for (const token of tokens) {
    expect(outcomeOf(token)).toBe(expected)
  }
})

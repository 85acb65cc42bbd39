// RFC 7516 4.1.3 and RFC 8725 3.6: compression is not offered, so that nothing can be blown up.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

test.each([
  [{}, 'allowed'],
  [{ zip: 'DEF' }, 'token_malformed'],
  [{ zip: '' }, 'token_malformed'],
  [{ enc: 'A256GCM' }, 'token_malformed'],
  [{ cty: 'JWT' }, 'token_malformed'],
])('a header with %j', (change, expected) => {
  const token = forge(corpHeader(change), corpClaims(), corpKey)
  expect(outcomeOf(token)).toBe(expected)
})

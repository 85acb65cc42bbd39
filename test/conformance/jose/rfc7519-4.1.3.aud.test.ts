// RFC 7519 4.1.3: aud is "an array of case-sensitive strings", or one string. Which of them is ours is
// the decision's to judge; here it must be there, and be text.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

test.each([
  ['a', 'allowed'],
  [['a'], 'allowed'],
  [['a', 'b'], 'allowed'],
  [undefined, 'token_claims'],
  ['', 'token_claims'],
  [[], 'token_claims'],
  [['a', ''], 'token_claims'],
  [['a', 1], 'token_claims'],
  [[['a']], 'token_claims'],
  [{ 0: 'a' }, 'token_claims'],
  [null, 'token_claims'],
])('aud %j', (aud, expected) => {
  const token = forge(corpHeader(), corpClaims({ aud }), corpKey)
  expect(outcomeOf(token)).toBe(expected)
})

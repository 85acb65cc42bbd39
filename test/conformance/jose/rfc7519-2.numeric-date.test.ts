// RFC 7519 2: NumericDate is "a JSON numeric value representing the number of seconds from
// 1970-01-01T00:00:00Z UTC"; 4.1.4 and 4.1.5: some small leeway for clock skew.
import { expect, test } from 'vitest'
import {
  corpClaims,
  corpHeader,
  corpKey,
  forge,
  nowSeconds,
  outcomeOf,
} from '../../support/jose.ts'

const outcome = (claims: string): string => outcomeOf(forge(corpHeader(), claims, corpKey))
const withExp = (text: string): string =>
  JSON.stringify(corpClaims({ exp: 'EXP' })).replace('"EXP"', text)

test.each([
  [String(nowSeconds + 1), 'allowed'],
  [`${nowSeconds + 1}.5`, 'allowed'],
  ['1.8000003e9', 'allowed'],
  [`"${nowSeconds + 1}"`, 'token_claims'],
  ['1e400', 'token_claims'],
  ['-1', 'token_claims'],
  ['9007199254740993', 'token_claims'],
  ['true', 'token_claims'],
  ['null', 'token_claims'],
  ['[1900000000]', 'token_claims'],
  ['{}', 'token_claims'],
  ['NaN', 'token_malformed'],
  ['0', 'token_expired'],
])('exp of %s', (text, expected) => {
  expect(outcome(withExp(text))).toBe(expected)
})

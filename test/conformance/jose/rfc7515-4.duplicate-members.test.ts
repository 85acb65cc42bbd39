// RFC 7515 4: "The Header Parameter names within the JOSE Header MUST be unique; JWSs with duplicate
// Header Parameter names MUST be rejected." RFC 7519 4 says the same of claims.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

const header = JSON.stringify(corpHeader())
const payload = JSON.stringify(corpClaims())
const outcome = (h: string, p: string): string => outcomeOf(forge(h, p, corpKey))
const add = (text: string, member: string): string => `${text.slice(0, -1)},${member}}`

test('members that are all different are accepted', () => {
  expect(outcome(header, payload)).toBe('allowed')
  expect(outcome(header, add(payload, '"note":{"sub":"x","sub2":":"}'))).toBe('allowed')
})

test.each([
  ['alg', add(header, '"alg":"ES256"'), payload],
  ['alg, escaped', add(header, '"\\u0061lg":"none"'), payload],
  ['sub', header, add(payload, '"sub":"bob"')],
  ['sub with the same value', header, add(payload, '"sub":"alice"')],
  ['aud, escaped', header, add(payload, '"a\\u0075d":"https://web.shop.example"')],
  ['a member further in', header, add(payload, '"realm":{"roles":[],"roles":["admin"]}')],
])('a second %s is refused', (_, h, p) => {
  expect(outcome(h, p)).toBe('token_malformed')
})

import { expect, test } from 'vitest'
import {
  corpClaims,
  corpKey,
  exampleVerifier,
  nowSeconds,
  reasonOf,
} from '../../test/support/jose.ts'
import { createTokenCache } from './cache.ts'
import { sign } from './sign.ts'
import type { Verifier } from './verify.ts'

/** A real verifier that counts. */
function counted(verifier = exampleVerifier()): Verifier & { verified: number } {
  const counting = {
    ...verifier,
    verified: 0,
    verify(token: string, now: number) {
      counting.verified += 1
      return verifier.verify(token, now)
    },
  }
  return counting
}

const token = sign(corpClaims(), corpKey, 'at+jwt')

test('a token is verified once, and gives the same Bearer each time', () => {
  const verifier = counted()
  const cache = createTokenCache({ verifier, maxBytes: 1 << 20 })
  const first = cache.verify(token, nowSeconds)
  expect(cache.verify(token, nowSeconds + 1)).toBe(first)
  expect(verifier.verified).toBe(1)
})

test.each([
  ['after it has expired', 330, 'token_expired'],
  ['just before it has', 329, 'allowed'],
  ['when the clock has jumped back before it was issued', -31, 'token_not_yet_valid'],
])('a hit %s is judged by today', (_, afterSeconds, outcome) => {
  const cache = createTokenCache({ verifier: exampleVerifier(), maxBytes: 1 << 20 })
  cache.verify(token, nowSeconds)
  expect(reasonOf(() => cache.verify(token, nowSeconds + afterSeconds))).toBe(outcome)
})

test('a token that differs from a known one in a single character is not that token', () => {
  const cache = createTokenCache({ verifier: exampleVerifier(), maxBytes: 1 << 20 })
  cache.verify(token, nowSeconds)
  for (const at of [3, token.indexOf('.') + 9, token.lastIndexOf('.') + 5, token.length - 1]) {
    const other = token[at] === 'A' ? 'B' : 'A'
    const changed = token.slice(0, at) + other + token.slice(at + 1)
    expect(reasonOf(() => cache.verify(changed, nowSeconds))).toMatch(/^token_/)
  }
  expect(reasonOf(() => cache.verify(`${token} `, nowSeconds))).toBe('token_malformed')
  expect(reasonOf(() => cache.verify(token, nowSeconds))).toBe('allowed')
})

test('refused tokens are not remembered', () => {
  const verifier = counted()
  const cache = createTokenCache({ verifier, maxBytes: 1 << 20 })
  for (let round = 0; round < 3; round += 1) reasonOf(() => cache.verify(`${token}A`, nowSeconds))
  expect([verifier.verified, cache.size]).toEqual([3, 0])
})

test('a new generation of keys knows no token of the old one', () => {
  const old = createTokenCache({ verifier: exampleVerifier(), maxBytes: 1 << 20 })
  old.verify(token, nowSeconds)
  const withdrawn = exampleVerifier({ jwks: { keys: [] } })
  const cache = createTokenCache({ verifier: withdrawn, maxBytes: 1 << 20 })
  expect(reasonOf(() => cache.verify(token, nowSeconds))).toBe('keys_unavailable')
})

test('the bytes are bounded, and a token that fell out is verified again', () => {
  const verifier = counted()
  const cache = createTokenCache({ verifier, maxBytes: 20_000 })
  const tokens = Array.from({ length: 40 }, (_, index) =>
    sign(corpClaims({ jti: `j${index}` }), corpKey, 'at+jwt'),
  )
  for (const each of tokens) cache.verify(each, nowSeconds)
  expect(cache.bytes).toBeLessThanOrEqual(20_000)
  expect(cache.size).toBeLessThan(40)
  expect(cache.size).toBeGreaterThan(5)
  cache.verify(tokens[0] ?? '', nowSeconds)
  expect(verifier.verified).toBe(41)
})

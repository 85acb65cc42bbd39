// tokens.md, JOSE rules: tokens over 16 KiB are refused before parsing; nesting is bounded.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

test('a token of 16 KiB is accepted, one character more is not', () => {
  const bare = forge(corpHeader(), corpClaims({ note: '' }), corpKey).length
  // Three bytes of payload are four characters; the last one to three fill up the rest.
  let note = 'x'.repeat(Math.floor(((16_384 - bare) * 3) / 4) - 4)
  while (forge(corpHeader(), corpClaims({ note: `${note}x` }), corpKey).length <= 16_384)
    note += 'x'
  expect(outcomeOf(forge(corpHeader(), corpClaims({ note }), corpKey))).toBe('allowed')
  expect(outcomeOf(forge(corpHeader(), corpClaims({ note: `${note}x` }), corpKey))).toBe(
    'token_malformed',
  )
})

test.each([
  ['64 KiB of payload', forge(corpHeader(), corpClaims({ note: 'x'.repeat(65_536) }), corpKey)],
  ['10 MB of nothing', 'A'.repeat(10_000_000)],
])('%s is refused at once', (_, token) => {
  const began = performance.now()
  expect(outcomeOf(token)).toBe('token_malformed')
  expect(performance.now() - began).toBeLessThan(500)
})

test('claims of 16 levels are read, deeper ones are not', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])
  const token = (levels: number): string =>
    forge(corpHeader(), corpClaims({ note: nested(levels) }), corpKey)
  expect(outcomeOf(token(15))).toBe('allowed')
  expect(outcomeOf(token(16))).toBe('token_malformed')
})

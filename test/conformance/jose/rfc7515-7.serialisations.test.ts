// RFC 7515 7.1: a compact JWS is three parts. 7.2 (JSON) and RFC 7516 (five parts) are not tokens here.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, encode, forge, outcomeOf } from '../../support/jose.ts'

const token = forge(corpHeader(), corpClaims(), corpKey)
const [header = '', payload = '', signature = ''] = token.split('.')

test('three parts are accepted', () => {
  expect(outcomeOf(token)).toBe('allowed')
})

test.each([
  ['the flattened JSON form', JSON.stringify({ protected: header, payload, signature })],
  [
    'the general JSON form',
    JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
  ],
  ['a part too many', `${token}.`],
  ['a part in front', `.${token}`],
  ['five parts', `${token}.AAAA.AAAA`],
  ['two parts', `${header}.${payload}`],
  ['one part', header],
  ['nothing', ''],
  ['dots alone', '..'],
  ['a million dots', '.'.repeat(1_000_000)],
  ['a detached payload', `${header}..${signature}`],
  ['no signature', `${header}.${payload}.`],
  ['a scheme in front', `Bearer ${token}`],
  ['a header that is a list', `${encode([])}.${payload}.${signature}`],
  ['a header that is no JSON', `${encode('{')}.${payload}.${signature}`],
  ['a payload that is text', `${header}.${encode('"x"')}.${signature}`],
])('%s is refused', (_, text) => {
  expect(outcomeOf(text)).toBe('token_malformed')
})

test('claims that are not UTF-8 are refused, although they are signed', () => {
  const payloadBytes = Buffer.from(JSON.stringify(corpClaims({ note: '??' })))
  expect(outcomeOf(forge(corpHeader(), payloadBytes, corpKey))).toBe('allowed')
  const at = payloadBytes.indexOf('??')
  for (const bytes of [
    [0xff, 0xfe],
    [0xc0, 0xaf],
    [0xed, 0xa0],
    [0xc3, 0x28],
  ]) {
    Buffer.from(bytes).copy(payloadBytes, at)
    expect(outcomeOf(forge(corpHeader(), payloadBytes, corpKey))).toBe('token_malformed')
  }
})

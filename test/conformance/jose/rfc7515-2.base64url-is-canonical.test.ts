// RFC 7515 2: "Base64url Encoding: ... with all trailing '=' characters omitted and without the
// inclusion of any line breaks, whitespace, or other additional characters." RFC 4648 3.5: pad bits.
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, forge, outcomeOf } from '../../support/jose.ts'

const token = forge(corpHeader(), corpClaims(), corpKey)

test('the canonical text is accepted', () => {
  expect(outcomeOf(token)).toBe('allowed')
})

test.each([
  ['padding', `${token}==`],
  ['a line break at the end', `${token}\n`],
  ['a space in the payload', token.replace('.', '. ')],
  ['the alphabet of plain base64', plainAlphabet()],
  ['a character outside the alphabet', token.replace('.', '!.')],
  ['a NUL', `${token}\0`],
  ['a character beyond ASCII', token.replace('.', '\u00e9.')],
  ['set bits after the last byte', trailingBits()],
])('%s is refused, although a lenient decoder reads the same bytes', (_, text) => {
  expect(outcomeOf(text)).toBe('token_malformed')
})

/** A valid signature that holds `-` or `_`, with these written as `+` and `/`. */
function plainAlphabet(): string {
  for (;;) {
    const [header, payload, signature = ''] = forge(corpHeader(), corpClaims(), corpKey).split('.')
    if (/[-_]/.test(signature)) {
      return [header, payload, signature.replaceAll('-', '+').replaceAll('_', '/')].join('.')
    }
  }
}

/** 64 bytes are 86 characters, the last of which has four bits that no byte uses. */
function trailingBits(): string {
  const last = token.slice(-1)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = alphabet[alphabet.indexOf(last) + 1] ?? ''
  const changed = token.slice(0, -1) + other
  const bytes = (text: string): string =>
    Buffer.from(text.split('.')[2] ?? '', 'base64url').toString('hex')
  expect(bytes(changed)).toBe(bytes(token))
  return changed
}

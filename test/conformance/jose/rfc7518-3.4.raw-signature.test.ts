// RFC 7518 3.4: "The JWS Signature value MUST be ... R and S ... as a 64-octet sequence"; and a
// signature of zeros is none.
import { createPrivateKey, sign as signBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { corpClaims, corpHeader, corpKey, encode, outcomeOf } from '../../support/jose.ts'

const input = `${encode(corpHeader())}.${encode(corpClaims())}`
const key = createPrivateKey({ key: corpKey.privateJwk, format: 'jwk' })
const raw = signBytes('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
const zero = Buffer.alloc(32)
const one = Buffer.concat([Buffer.alloc(31), Buffer.from([1])])

test.each([
  ['R and S', raw, 'allowed'],
  [
    'R and S of a signature in DER',
    signBytes('sha256', Buffer.from(input), key),
    'token_signature',
  ],
  ['R and S with a byte in front', Buffer.concat([Buffer.alloc(1), raw]), 'token_signature'],
  ['R and S with a byte behind', Buffer.concat([raw, Buffer.alloc(1)]), 'token_signature'],
  ['a byte short', raw.subarray(0, 63), 'token_signature'],
  ['one byte', Buffer.alloc(1), 'token_signature'],
  ['zeros', Buffer.alloc(64), 'token_signature'],
  ['R of zero', Buffer.concat([zero, raw.subarray(32)]), 'token_signature'],
  ['S of zero', Buffer.concat([raw.subarray(0, 32), zero]), 'token_signature'],
  ['R and S of the order', Buffer.concat([order, order]), 'token_signature'],
  ['R and S of one', Buffer.concat([one, one]), 'token_signature'],
  ['S and R', Buffer.concat([raw.subarray(32), raw.subarray(0, 32)]), 'token_signature'],
  ['8,000 bytes', Buffer.alloc(8_000, 1), 'token_signature'],
  ['16,000 bytes', Buffer.alloc(16_000, 1), 'token_malformed'],
])('a signature that is %s', (_, signature, expected) => {
  const token = `${input}.${signature.toString('base64url')}`
  expect(outcomeOf(token)).toBe(expected)
})

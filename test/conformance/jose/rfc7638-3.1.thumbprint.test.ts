// RFC 7638 3.1: the example's thumbprint; and the same as an implementation that is not ours.
import { calculateJwkThumbprint } from 'jose'
import { expect, test } from 'vitest'
import { generateSigningKey } from '../../../pkg/token/keys.ts'
import { thumbprint } from '../../../pkg/token/thumbprint.ts'

const example = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
  alg: 'RS256',
  kid: '2011-04-29',
}

test('the example has its thumbprint, whatever members stand beside', () => {
  expect(thumbprint(example)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  expect(thumbprint({ ...example, use: 'sig' })).toBe(thumbprint(example))
  expect(thumbprint({ ...example, e: 'AQAA' })).not.toBe(thumbprint(example))
})

test('a key of ours has the thumbprint that jose gives it', async () => {
  const { publicJwk } = generateSigningKey('k')
  expect(thumbprint(publicJwk)).toBe(await calculateJwkThumbprint(publicJwk))
})

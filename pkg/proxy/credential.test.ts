import { expect, test } from 'vitest'
import { readCredential, tokensWithin } from './credential.ts'

test.each([
  ['Bearer a.b.c', { kind: 'bearer', token: 'a.b.c' }],
  ['bearer a.b.c', { kind: 'bearer', token: 'a.b.c' }],
  ['BEARER   opaque', { kind: 'bearer', token: 'opaque' }],
  ['Bearer', { kind: 'malformed' }],
  ['Bearer  ', { kind: 'malformed' }],
  ['Bearer a b', { kind: 'malformed' }],
  ['Bearer\ta', { kind: 'malformed' }],
  ['Bearer a\u00e9', { kind: 'bearer', token: 'a\u00e9' }],
  ['Bearer a\tb', { kind: 'malformed' }],
  ['Bearer:a', { kind: 'malformed' }],
  ['Bearer a,b', { kind: 'several' }],
  ['Bearer a, Basic b', { kind: 'several' }],
  ['Basic a, Bearer b', { kind: 'several' }],
  ['Basic a,\tBEARER\tb', { kind: 'several' }],
  ['Basic dXNlcjpwYXNz', { kind: 'other' }],
  ['Digest username="a", realm="b"', { kind: 'other' }],
  ['DPoP a.b.c', { kind: 'other' }],
  ['Bearerish a', { kind: 'other' }],
  ['', { kind: 'other' }],
])('Authorization "%s" is read', (value, credential) => {
  expect(readCredential(value)).toEqual(credential)
})

test('a token hides in no form', () => {
  for (const value of ['Bearer a.b.c', 'Basic x, Bearer a.b.c', 'Token token="a.b.c"', 'a.b.c']) {
    expect(tokensWithin(value)).toContain('a.b.c')
  }
  expect(tokensWithin('Basic dXNlcjpwYXNz')).toEqual([])
})

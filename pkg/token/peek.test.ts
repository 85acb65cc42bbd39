import { expect, test } from 'vitest'
import { encode } from '../../test/support/jose.ts'
import { peek } from './peek.ts'

const token = (claims: unknown): string => `${encode({ alg: 'ES256' })}.${encode(claims)}.AAAA`

test('issuer and audiences are shown as they are claimed', () => {
  expect(peek(token({ iss: 'a', aud: 'x' }))).toEqual({ iss: 'a', aud: ['x'] })
  expect(peek(token({ iss: 'a', aud: ['x', 'y'] }))).toEqual({ iss: 'a', aud: ['x', 'y'] })
})

test.each([
  ['opaque text', 'tw_1234'],
  ['nothing', ''],
  ['a token without issuer', token({ aud: 'x' })],
  ['a token without audience', token({ iss: 'a' })],
  ['a token with an empty list of audiences', token({ iss: 'a', aud: [] })],
  ['a token with an audience that is not text', token({ iss: 'a', aud: ['x', 1] })],
  ['a token that claims twice', `${encode({})}.${encode('{"iss":"a","iss":"b","aud":"x"}')}.AAAA`],
  ['a token of five parts', 'a.b.c.d.e'],
])('%s shows nothing', (_, text) => {
  expect(peek(text)).toBeNull()
})

import { expect, test } from 'vitest'
import { bearer } from '../../test/support/world.ts'
import { callerOf, subjectOf, visible } from './subject.ts'

const told = (change: Parameters<typeof bearer>[2]): Record<string, string> => {
  const { fields } = subjectOf(bearer('web', 'orders', change), 'a.b.c')
  const pairs = fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] ?? '']] : []))
  return Object.fromEntries(pairs) as Record<string, string>
}

test('the app is told subject, caller, actors and scopes', () => {
  expect(
    told({ subject: 'corp:alice', actors: ['spiffe://a', 'spiffe://b'], scopes: ['x', 'y'] }),
  ).toEqual({
    'Tokenward-Subject': 'corp:alice',
    'Tokenward-Caller': 'spiffe://local.tokenward.dev/ns/shop/sa/web',
    'Tokenward-Actors': 'spiffe://a, spiffe://b',
    'Tokenward-Scope': 'x y',
  })
})

test('what is not there is not said', () => {
  expect(Object.keys(told({ client: '' }))).toEqual(['Tokenward-Subject'])
})

test.each([
  ['corp:alice', 'corp:alice'],
  ['corp:älice', 'corp:%C3%A4lice'],
  ['a b', 'a%20b'],
  ['a,b', 'a%2Cb'],
  ['100%', '100%25'],
  ['a\r\nX: y', 'a%0D%0AX:%20y'],
  ['\u0000', '%00'],
  ['\ud83d\ude00', '%F0%9F%98%80'],
])('%j is written in visible ASCII and can be read back', (text, written) => {
  expect(visible(text)).toBe(written)
  expect(decodeURIComponent(written)).toBe(text)
})

test('a foreign client is never taken for a workload', () => {
  const foreign = { origin: 'issuer', issuerName: 'corp' } as const
  expect(callerOf(bearer('web', 'orders', { ...foreign, client: 'portal' }))).toBe('corp:portal')
  const spoofed = { ...foreign, issuerName: 'spiffe', client: '//local/ns/shop/sa/web' }
  expect(callerOf(bearer('web', 'orders', spoofed))).toBe('')
})

test('one Bearer has one subject, whose token is a copy', () => {
  const one = bearer('web', 'orders')
  expect(subjectOf(one, 'a.b.c')).toBe(subjectOf(one, 'a.b.c'))
  expect(subjectOf({ ...one }, 'a.b.c')).not.toBe(subjectOf(one, 'a.b.c'))
})

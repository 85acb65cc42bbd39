// RFC 6749 5.1: "The authorization server MUST include the HTTP "Cache-Control" response header field
// with a value of "no-store" in any response containing tokens, credentials, or other sensitive
// information, as well as the "Pragma" response header field with a value of "no-cache"."
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test.each([
  ['a token', {}, 200],
  ['an error', { grant_type: 'password' }, 400],
  ['a client that is not known', { client_assertion: 'nonsense' }, 401],
] as const)('%s is never stored', async (_, change, status) => {
  const answer = await authority.credentials('web', 'orders', change)
  expect(answer.status).toBe(status)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('pragma')).toBe('no-cache')
  expect(answer.headers.get('content-type')).toBe('application/json')
})

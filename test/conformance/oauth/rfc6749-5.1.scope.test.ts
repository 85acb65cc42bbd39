// RFC 6749 5.1: "scope: OPTIONAL, if identical to the scope requested by the client; otherwise,
// REQUIRED." It is always there, so that nobody has to compare.
import { afterAll, expect, test } from 'vitest'
import { claimsOf, startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test.each([
  ['all of the edge where none is asked', undefined, 'orders:create orders:read'],
  ['what is asked', 'orders:read', 'orders:read'],
  ['each once', 'orders:read orders:read', 'orders:read'],
])('%s', async (_, scope, granted) => {
  const answer = await authority.credentials('web', 'orders', { scope })
  expect(answer.body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: granted })
  expect(claimsOf(answer)['scope']).toBe(granted)
})

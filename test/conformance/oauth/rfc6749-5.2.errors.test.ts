// RFC 6749 5.2: "The authorization server responds with an HTTP 400 (Bad Request) status code (unless
// specified otherwise)" and one of these codes.
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test.each([
  ['no grant type', { grant_type: '' }, 'invalid_request'],
  ['a grant that is not here', { grant_type: 'authorization_code' }, 'unsupported_grant_type'],
  ['the password grant', { grant_type: 'password' }, 'unsupported_grant_type'],
  ['the name of a member of every object', { grant_type: 'toString' }, 'unsupported_grant_type'],
  ['a scope that the edge has not', { scope: 'orders:delete' }, 'invalid_scope'],
  ['one scope more than the edge has', { scope: 'orders:read orders:delete' }, 'invalid_scope'],
  ['a malformed scope (3.3)', { scope: 'orders:read "' }, 'invalid_scope'],
  ['an empty scope in a list (3.3)', { scope: 'orders:read  orders:create' }, 'invalid_scope'],
])('%s: $2', async (_, change, error) => {
  const answer = await authority.credentials('web', 'orders', change)
  expect(answer).toMatchObject({ status: 400, body: { error } })
})

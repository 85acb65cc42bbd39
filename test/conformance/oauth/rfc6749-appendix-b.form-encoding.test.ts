/** RFC 6749 appendix B: parameters are encoded in UTF-8, then as application/x-www-form-urlencoded. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAuthority, type TestAuthority } from '../../support/authority.ts'

let authority: TestAuthority
beforeAll(async () => void (authority = await startAuthority()))
afterAll(() => authority.close())

const form = { 'content-type': 'application/x-www-form-urlencoded' }

test.each([
  ['an escape that is cut', 'grant_type=%4'],
  ['an escape that is none', 'grant_type=%zz'],
  ['bytes that are not UTF-8', 'grant_type=%ff'],
  ['an overlong form', 'grant_type=%c0%af'],
  ['half a surrogate pair', 'grant_type=%ed%a0%80'],
  ['a space', 'grant_type=client credentials'],
  ['a line end', 'grant_type=a\r\n&b=c'],
  ['what is not ASCII', 'grant_type=ü'],
])('%s is refused, not replaced', async (_, body) => {
  const answer = await authority.raw(body, form)
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(String(answer.body['error_description'])).toMatch(/The body is not form-encoded\.$/)
})

test.each([
  ['escapes of what needs none', 'grant%5Ftype=client%5Fcredentials'],
  ['empty pairs', '&grant_type=client_credentials&&'],
  ['names that are not known, in any script', 'grant_type=client_credentials&%C3%BC=%F0%9F%99%82'],
])('%s are read', async (_, body) => {
  const answer = await authority.raw(body, form)
  // It got as far as the client.
  expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
})

test('a name is the same name however it is written', async () => {
  const answer = await authority.raw('scope=a&sc%6Fpe=b', form)
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(String(answer.body['error_description'])).toMatch(/A parameter is repeated\.$/)
})

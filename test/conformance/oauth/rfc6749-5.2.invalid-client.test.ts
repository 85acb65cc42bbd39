// RFC 6749 5.2: "invalid_client ... MAY return an HTTP 401 ... If the client attempted to authenticate
// via the "Authorization" request header field, the authorization server MUST respond with an HTTP 401
// (Unauthorized) status code and include the "WWW-Authenticate" response header field matching the
// authentication scheme used by the client." More than one mechanism is invalid_request.
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

const alone = { client_assertion: undefined, client_assertion_type: undefined }

test.each([
  ['no authentication', alone],
  ['no type of assertion', { client_assertion_type: '' }],
  ['a type that is not known', { client_assertion_type: 'constructor' }],
  ['SAML', { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }],
  ['no assertion', { client_assertion: '' }],
  ['an assertion that is none', { client_assertion: 'a.b.c' }],
  ['a secret', { ...alone, client_id: 'web', client_secret: 'hunter2' }],
  ['an identity alone', { ...alone, client_id: 'spiffe://local.tokenward.dev/ns/shop/sa/web' }],
])('%s is invalid_client', async (_, change) => {
  const answer = await authority.credentials('web', 'orders', change)
  expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  expect(answer.headers.get('www-authenticate')).toBeNull()
})

test.each(['Basic', 'Bearer', 'DPoP'])(
  'a client that tried %s is answered with it',
  async (name) => {
    const answer = await authority.post(
      { grant_type: 'client_credentials' },
      { authorization: `${name} d2ViOmh1bnRlcjI=` },
    )
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(answer.headers.get('www-authenticate')).toBe(`${name} realm="tokenward"`)
  },
)

test('two mechanisms at once are invalid_request', async () => {
  const answer = await authority.credentials('web', 'orders', { client_secret: 'hunter2' })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

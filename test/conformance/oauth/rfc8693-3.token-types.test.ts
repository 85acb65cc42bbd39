// RFC 8693 3: access_token "Indicates that the token is an OAuth 2.0 access token issued by the given
// authorization server"; jwt "Indicates that the token is a JWT". Others are not supported here.
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

const type = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`
const own = authority.ownToken()

test.each([
  ['our token as access_token', 'orders', 'payments', own, 'access_token'],
  ['our token as jwt', 'orders', 'payments', own, 'jwt'],
  ['a token of corp as jwt', 'web', 'orders', authority.corpToken(), 'jwt'],
])('%s is taken', async (_, client, target, token, name) => {
  const answer = await authority.exchange(client, target, {
    subject_token: token,
    subject_token_type: type(name),
  })
  expect(answer).toMatchObject({ status: 200 })
})

test('a token of corp is no access_token, however it types itself', async () => {
  const answer = await authority.exchange('web', 'orders', { subject_token: authority.corpToken() })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test.each(['refresh_token', 'id_token', 'saml1', 'saml2', 'txn_token', ''])(
  '%s is neither taken nor given',
  async (name) => {
    for (const parameter of ['subject_token_type', 'requested_token_type']) {
      const answer = await authority.exchange('orders', 'payments', {
        subject_token: own,
        [parameter]: `${type(name)}`,
      })
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    }
  },
)

test.each(['id_token', 'logout+jwt', 'dpop+jwt', 'client-authentication+jwt'])(
  'a token of corp with the typ %s is no subject token',
  async (typ) => {
    const answer = await authority.exchange('web', 'orders', {
      subject_token: authority.corpToken({}, typ),
      subject_token_type: type('jwt'),
    })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  },
)

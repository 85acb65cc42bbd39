// RFC 8693 2.2.1: "access_token REQUIRED", "issued_token_type REQUIRED", "token_type REQUIRED",
// "expires_in RECOMMENDED", "refresh_token ... will typically not be issued". Read by oauth4webapi.
import * as oauth from 'oauth4webapi'
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'
import { audience } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())
const accessToken = 'urn:ietf:params:oauth:token-type:access_token'

async function exchange(parameters: Record<string, string>): Promise<oauth.TokenEndpointResponse> {
  const issuer = new URL(authority.issuer)
  const { options, authenticate } = authority.oauth
  const found = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' })
  const server = await oauth.processDiscoveryResponse(issuer, found)
  const client = { client_id: 'orders' }
  const response = await oauth.genericTokenEndpointRequest(
    server,
    client,
    authenticate('orders'),
    'urn:ietf:params:oauth:grant-type:token-exchange',
    {
      audience: audience('payments'),
      subject_token: authority.ownToken(),
      subject_token_type: accessToken,
      ...parameters,
    },
    options,
  )
  return oauth.processGenericTokenEndpointResponse(server, client, response)
}

test.each([accessToken, 'urn:ietf:params:oauth:token-type:jwt'])(
  'a client that nobody here wrote gets %s',
  async (type) => {
    const answer = await exchange({ requested_token_type: type })
    expect(answer).toMatchObject({
      issued_token_type: type,
      token_type: 'bearer',
      expires_in: 120,
      scope: 'charges:read charges:write',
    })
    expect(answer).not.toHaveProperty('refresh_token')
  },
)

test('a refusal reaches it with error and status', async () => {
  const refused = exchange({ scope: 'charges:refund' })
  await expect(refused).rejects.toMatchObject({ error: 'invalid_scope', status: 400 })
})

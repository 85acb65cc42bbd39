// RFC 6749 4.4.3: "If the access token request is valid and authorized, the authorization server issues
// an access token ... A refresh token SHOULD NOT be included." Asked for by openid-client.
import * as client from 'openid-client'
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'
import { audience } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

async function ask(
  name: string,
  parameters: Record<string, string>,
): ReturnType<typeof client.clientCredentialsGrant> {
  const { fetch, authenticate } = authority.oauth
  const issuer = new URL(authority.issuer)
  const how = { algorithm: 'oauth2', [client.customFetch]: fetch } as const
  const config = await client.discovery(issuer, name, {}, authenticate(name), how)
  return client.clientCredentialsGrant(config, parameters)
}

test('a client that nobody here wrote gets a token for itself', async () => {
  const answer = await ask('web', { audience: audience('orders'), scope: 'orders:read' })
  expect(answer).toMatchObject({ token_type: 'bearer', expires_in: 300, scope: 'orders:read' })
  expect(answer.refresh_token).toBeUndefined()
  expect(answer.id_token).toBeUndefined()
})

test('where there must be a user it is refused with error and status', async () => {
  const refused = ask('orders', { audience: audience('payments') })
  await expect(refused).rejects.toMatchObject({ error: 'invalid_target', status: 400 })
})

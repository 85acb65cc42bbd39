/** RFC 8693 2, by a client library that we did not write: discovery, then the exchange. */
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import { afterAll, expect, test } from 'vitest'
import { grantTypes, tokenTypes } from '../../../pkg/token/exchange.ts'
import { startAuthority } from '../../support/authority.ts'
import { audience } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('openid-client discovers the authority and exchanges a token', async () => {
  const configuration = await client.discovery(
    new URL(authority.issuer),
    'spiffe://local.tokenward.dev/ns/shop/sa/orders',
    undefined,
    authority.oauth.authenticate('orders'),
    {
      algorithm: 'oauth2',
      [client.customFetch]: authority.oauth.options[oauth.customFetch] as client.CustomFetch,
    },
  )
  expect(configuration.serverMetadata().issuer).toBe(authority.issuer)
  const answer = await client.genericGrantRequest(configuration, grantTypes.tokenExchange, {
    subject_token: authority.ownToken(),
    subject_token_type: tokenTypes.accessToken,
    audience: audience('payments'),
    scope: 'charges:write',
  })
  expect(answer).toMatchObject({
    token_type: 'bearer',
    issued_token_type: tokenTypes.accessToken,
    scope: 'charges:write',
  })
  await expect(
    client.genericGrantRequest(configuration, grantTypes.tokenExchange, {
      subject_token: authority.ownToken(),
      subject_token_type: tokenTypes.accessToken,
      audience: 'http://nowhere.shop.svc.cluster.local',
    }),
  ).rejects.toMatchObject({ error: 'invalid_target', status: 400 })
})

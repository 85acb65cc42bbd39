// RFC 8414 3: the well-known string is formed "by inserting a well-known URI string into the
// authorization server's issuer identifier between the host component and the path component"; 3.3:
// "The "issuer" value returned MUST be identical". oauth4webapi judges both.
import * as oauth from 'oauth4webapi'
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const plain = await startAuthority()
const tenant = await startAuthority({ path: '/tenant/one' })
afterAll(async () => {
  await plain.close()
  await tenant.close()
})

test.each([
  ['without a path', plain],
  ['with a path', tenant],
])('an issuer %s is found by a client that nobody here wrote', async (_, authority) => {
  const issuer = new URL(authority.issuer)
  const options = { ...authority.oauth.options, algorithm: 'oauth2' } as const
  const response = await oauth.discoveryRequest(issuer, options)
  const server = await oauth.processDiscoveryResponse(issuer, response)
  expect(server).toMatchObject({
    issuer: authority.issuer,
    token_endpoint: `${authority.issuer}/token`,
    jwks_uri: `${authority.issuer}/jwks`,
    grant_types_supported: [
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ],
  })
})

test('the well-known part behind the path is no page', async () => {
  const wrong = '/tenant/one/.well-known/oauth-authorization-server'
  expect(await tenant.get(wrong)).toMatchObject({ status: 404, body: { error: 'not_found' } })
  expect(await tenant.get('/token', 'POST')).toMatchObject({ status: 404 })
})

test('it is JSON, it can be cached, and only read', async () => {
  const page = '/.well-known/oauth-authorization-server'
  const { headers } = await plain.get(page)
  expect(headers.get('content-type')).toBe('application/json')
  expect(headers.get('cache-control')).toMatch(/max-age=\d+/)
  const answer = await plain.get(page, 'POST')
  expect(answer.status).toBe(405)
  expect(answer.headers.get('allow')).toBe('GET, HEAD')
})

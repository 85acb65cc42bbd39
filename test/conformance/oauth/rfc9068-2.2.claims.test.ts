// RFC 9068 2.1: "typ ... at+jwt"; 2.2: "iss", "exp", "aud", "sub", "client_id", "iat" and "jti" are
// REQUIRED; 2.2.3: "scope" as asked for. Judged by oauth4webapi as a resource server (RFC 9068 4).
import * as oauth from 'oauth4webapi'
import { afterAll, expect, test } from 'vitest'
import { claimsOf, startAuthority } from '../../support/authority.ts'
import { audience, identity } from '../../support/world.ts'

const authority = await startAuthority()
// A resource server that nobody here wrote judges by the real clock.
authority.clock.nowSeconds = Math.floor(Date.now() / 1000)
afterAll(() => authority.close())

const judge = async (token: unknown, expectedAudience: string) => {
  const issuer = new URL(authority.issuer)
  const { options } = authority.oauth
  const found = await oauth.discoveryRequest(issuer, { ...options, algorithm: 'oauth2' })
  const server = await oauth.processDiscoveryResponse(issuer, found)
  const request = new Request(expectedAudience, {
    headers: { authorization: `Bearer ${String(token)}` },
  })
  return oauth.validateJwtAccessToken(server, request, expectedAudience, options)
}

test('a token for the workload itself is one', async () => {
  const answer = await authority.credentials('web', 'orders')
  const claims = await judge(answer.body['access_token'], audience('orders'))
  expect(claims).toMatchObject({
    iss: authority.issuer,
    sub: identity('web'),
    client_id: identity('web'),
    scope: 'orders:create orders:read',
  })
})

test('a token on behalf of a user is one, and for no other audience', async () => {
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(),
  })
  const token = answer.body['access_token']
  const claims = await judge(token, audience('payments'))
  expect(claims).toMatchObject({ sub: 'corp:alice', client_id: identity('orders') })
  await expect(judge(token, audience('orders'))).rejects.toThrow()
})

test('the header has alg, typ and kid, and each jti is another', async () => {
  const [one, two] = await Promise.all([
    authority.credentials('web', 'orders'),
    authority.credentials('web', 'orders'),
  ])
  const header = String(one.body['access_token']).split('.')[0] ?? ''
  const read: unknown = JSON.parse(Buffer.from(header, 'base64url').toString())
  expect(read).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) as string })
  expect(claimsOf(one)['jti']).not.toBe(claimsOf(two)['jti'])
})

// RFC 7517 5: a JWK Set "MUST have a "keys" member"; RFC 8414 2 (jwks_uri): "The JWK Set MUST NOT
// contain private or symmetric keys" for signing keys of the server.
import { afterAll, expect, test } from 'vitest'
import { authorityKey, startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('the set holds the public key that signs, and nothing private', async () => {
  const { status, body } = await authority.get('/jwks')
  expect(status).toBe(200)
  expect(body).toEqual({ keys: [authorityKey.publicJwk] })
  expect(JSON.stringify(body)).not.toMatch(/"(d|k|p|q|dp|dq|qi)":/)
})

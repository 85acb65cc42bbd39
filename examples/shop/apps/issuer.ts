/**
 * The company's login, as small as an OpenID issuer can be: its metadata, its keys, and a token for
 * whoever is asked for. A real one asks for a password first.
 */
import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { serve, type Answer } from './serve.ts'

const issuer = process.env['ISSUER'] ?? `http://127.0.0.1:${process.env['PORT']}`
const audience = 'https://shop.example/'
const scopes: Readonly<Record<string, string>> = {
  alice: 'shop:read shop:buy',
  bob: 'shop:read',
}

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = publicKey.export({ format: 'jwk' })
const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url').slice(0, 16)
const keys = [{ ...jwk, kid, alg: 'ES256', use: 'sig' }]

function tokenOf(user: string): Answer {
  const scope = scopes[user]
  if (scope === undefined) return { status: 404, body: { error: 'no such user' } }
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    sub: user,
    aud: audience,
    azp: 'shop-app',
    client_id: 'shop-app',
    scope,
    iat: now,
    exp: now + 900,
    jti: randomUUID(),
  }
  const content = [{ alg: 'ES256', typ: 'at+jwt', kid }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
  const signature = sign('sha256', Buffer.from(content), key).toString('base64url')
  return {
    status: 200,
    body: { access_token: `${content}.${signature}`, token_type: 'Bearer', expires_in: 900 },
  }
}

serve({
  'GET /.well-known/openid-configuration': () => ({
    status: 200,
    body: {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    },
  }),
  'GET /jwks': () => ({
    status: 200,
    body: { keys },
  }),
  'GET /token/:id': (_request, { id }) => tokenOf(id),
  // For a cluster: this issuer as a resource, with its keys in it.
  'GET /trusted-issuer': () => ({
    status: 200,
    body: {
      apiVersion: 'tokenward.dev/v1alpha1',
      kind: 'TrustedIssuer',
      metadata: { name: 'corp' },
      spec: {
        issuer,
        keys: { jwks: { keys } },
        algorithms: ['ES256'],
        audiences: [{ value: audience, services: [{ namespace: 'shop', name: 'web' }] }],
      },
    },
  }),
})

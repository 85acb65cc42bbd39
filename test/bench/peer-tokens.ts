/** Keys and tokens for the peers, of the size and shape of ours. */
import crypto from 'node:crypto'
import type { Keys } from './peers.ts'

export interface PeerTokens {
  readonly es256: readonly string[]
  readonly rs256: readonly string[]
}

const issuer = 'https://127.0.0.1:15480'
const audience = 'http://target.bench.svc.cluster.local'
const scope = 'things:read'
const identity = 'spiffe://local.tokenward.dev/ns/bench/sa/caller'

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

function token(alg: 'ES256' | 'RS256', key: crypto.KeyObject, id: string): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    sub: identity,
    aud: audience,
    client_id: identity,
    client_uid: crypto.randomUUID(),
    iat: now,
    nbf: now,
    exp: now + 3600,
    jti: id,
    scope,
    rule: 'bench/target/caller',
  }
  const input = `${encode({ alg, typ: 'at+jwt', kid: alg })}.${encode(claims)}`
  const signature = crypto.sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
  return `${input}.${signature.toString('base64url')}`
}

export function makeKeys(count: number): { readonly keys: Keys; readonly tokens: PeerTokens } {
  const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = (key: crypto.KeyObject): string =>
    key.export({ type: 'spki', format: 'pem' }).toString()
  const jwk = { ...ec.publicKey.export({ format: 'jwk' }), kid: 'ES256', alg: 'ES256', use: 'sig' }
  const ids = Array.from({ length: count }, () => crypto.randomUUID())
  return {
    keys: {
      es256Pem: pem(ec.publicKey),
      rs256Pem: pem(rsa.publicKey),
      es256Jwks: JSON.stringify({ keys: [jwk] }),
      issuer,
      audience,
      scope,
    },
    tokens: {
      es256: ids.map((id) => token('ES256', ec.privateKey, id)),
      rs256: ids.map((id) => token('RS256', rsa.privateKey, id)),
    },
  }
}

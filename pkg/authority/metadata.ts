import { grantTypes } from '../token/exchange.ts'

/** Paths of the endpoints below the issuer's own path. */
export interface Paths {
  readonly token: string
  readonly jwks: string
  readonly metadata: string
}

/** RFC 8414 3: the well-known part goes between host and path of the issuer. */
export function pathsOf(issuer: string): Paths {
  const base = new URL(issuer).pathname.replace(/\/$/, '')
  return {
    token: `${base}/token`,
    jwks: `${base}/jwks`,
    metadata: `/.well-known/oauth-authorization-server${base}`,
  }
}

/** Authorization server metadata (RFC 8414 2). */
export function metadataOf(issuer: string): object {
  const { token, jwks } = pathsOf(issuer)
  const { origin } = new URL(issuer)
  return {
    issuer,
    token_endpoint: origin + token,
    jwks_uri: origin + jwks,
    // Required; no grant of today has an authorization endpoint.
    response_types_supported: [],
    grant_types_supported: [grantTypes.clientCredentials, grantTypes.tokenExchange],
    // RFC 8414 2 allows names beside the registered ones: this is an assertion that the cluster signs.
    token_endpoint_auth_methods_supported: ['service_account_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['ES256', 'ES384', 'ES512', 'RS256'],
  }
}

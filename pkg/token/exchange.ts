import { reasons, type Reason } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import { parseObject } from './json.ts'

/** Names of grants and types at the token endpoint (RFC 6749 4.4, RFC 8693 2.1 and 3, RFC 7523 2.2). */
export const grantTypes = {
  clientCredentials: 'client_credentials',
  tokenExchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const

export const tokenTypes = {
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
} as const

export const jwtBearerAssertion = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

interface TokenRequest {
  /** Service-account token of the client (RFC 7523 2.2). */
  readonly assertion: string
  readonly audience: string
  /** None: all that the edge grants. */
  readonly scopes: readonly string[]
}

/** The form body that asks for a token on behalf of a subject (RFC 8693 2.1). */
export function exchangeRequest(
  request: TokenRequest & {
    readonly subjectToken: string
    /** `access_token` for tokens of our authority (the default), `jwt` for those of a TrustedIssuer. */
    readonly subjectTokenType?: 'access_token' | 'jwt'
  },
): string {
  return form(request, {
    grant_type: grantTypes.tokenExchange,
    subject_token: request.subjectToken,
    subject_token_type:
      request.subjectTokenType === 'jwt' ? tokenTypes.jwt : tokenTypes.accessToken,
  })
}

/** The form body that asks for a token of the client itself (RFC 6749 4.4.2). */
export function clientCredentialsRequest(request: TokenRequest): string {
  return form(request, { grant_type: grantTypes.clientCredentials })
}

function form(request: TokenRequest, grant: Readonly<Record<string, string>>): string {
  const { assertion, audience, scopes } = request
  return new URLSearchParams({
    ...grant,
    client_assertion_type: jwtBearerAssertion,
    client_assertion: assertion,
    audience,
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
  }).toString()
}

export interface IssuedToken {
  readonly accessToken: string
  readonly expiresInSeconds: number
  readonly scopes: readonly string[]
}

/**
 * Reads the answer of the token endpoint (RFC 6749 5.1 and 5.2, RFC 8693 2.2). An error is thrown as
 * the Refusal that the authority named (member `reason`); whatever else is not a usable access token
 * is `authority_unavailable`. No error holds any of the body.
 */
export function readTokenResponse(status: number, bodyText: string): IssuedToken {
  const body = parseObject(bodyText)
  if (status !== 200) throw refusalOf(status, body?.['reason'])
  const token = body?.['access_token']
  const expires = body?.['expires_in']
  const scope = body?.['scope'] ?? ''
  const type = body?.['token_type']
  const issued = body?.['issued_token_type'] ?? tokenTypes.accessToken
  if (
    // RFC 6750 2.1: anything else could not be sent as a header value.
    typeof token !== 'string' ||
    !/^[\w\-.~+/]+=*$/.test(token) ||
    typeof type !== 'string' ||
    type.toLowerCase() !== 'bearer' ||
    issued !== tokenTypes.accessToken ||
    typeof expires !== 'number' ||
    !(expires > 0 && expires <= Number.MAX_SAFE_INTEGER) ||
    typeof scope !== 'string'
  ) {
    throw unavailable('the answer of the authority is not a token response')
  }
  return {
    accessToken: token,
    expiresInSeconds: expires,
    scopes: Object.freeze(scope.split(' ').filter(Boolean)),
  }
}

function refusalOf(status: number, reason: unknown): Refusal {
  const named = typeof reason === 'string' && Object.hasOwn(reasons, reason)
  return named && status >= 400
    ? new Refusal(reason as Reason)
    : unavailable(`the authority answered with status ${status}`)
}

function unavailable(why: string): Refusal {
  return new Refusal('authority_unavailable', {}, why)
}

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Refusal } from '../refusal/refusal.ts'
import type { Audit } from '../telemetry/audit.ts'
import type { Log } from '../telemetry/log.ts'
import { grantTypes, jwtBearerAssertion } from '../token/exchange.ts'
import { answerJson, answerPlain, answerRefusal } from './answers.ts'
import { createServiceAccountMethod } from './clients/service-account.ts'
import { clientCredentials } from './grants/client-credentials.ts'
import { tokenExchange } from './grants/token-exchange.ts'
import { createLimiter } from './limits.ts'
import { metadataOf, pathsOf } from './metadata.ts'
import type { PolicyState } from './policy-state.ts'
import type { SigningKeys } from './signing-keys.ts'
import { createSubjectVerifier } from './subjects.ts'
import { createTokenEndpoint } from './token-endpoint.ts'

/** One workload asks a few times a second; this keeps one that runs wild from starving the others. */
const perClient = { perSecond: 500, burst: 1000 }
const failedPerAddress = { perSecond: 5, burst: 100 }

export interface AuthorityOptions {
  /** Issuer identifier (RFC 8414 2). */
  readonly issuer: string
  readonly state: PolicyState
  readonly signingKeys: SigningKeys
  /** Fetches keys of an issuer for a `kid` that is not here; true when it is now. */
  readonly refetch: (issuerName: string, kid: string) => Promise<boolean>
  readonly audit: Audit
  readonly log: Log
  /** Whether it could issue now. */
  readonly isReady: () => boolean
  readonly nowSeconds: () => number
  readonly monotonicMs: () => number
  readonly onAnswer: (grant: string, outcome: string) => void
}

/** Answers the authority's requests; knows no sockets. */
export function createAuthority(options: AuthorityOptions): RequestListener {
  const { issuer, state, signingKeys, refetch, audit, log, isReady } = options
  const { nowSeconds, monotonicMs } = options
  const paths = pathsOf(issuer)
  const metadata = metadataOf(issuer)
  const token = createTokenEndpoint({
    state,
    signingKeys,
    grants: {
      [grantTypes.clientCredentials]: clientCredentials,
      [grantTypes.tokenExchange]: tokenExchange,
    },
    methods: {
      [jwtBearerAssertion]: createServiceAccountMethod(state),
    },
    verifySubject: createSubjectVerifier({ state, refetch, nowSeconds }),
    limits: {
      perClient: createLimiter(perClient, monotonicMs),
      failures: createLimiter(failedPerAddress, monotonicMs),
    },
    audit,
    nowSeconds,
    onAnswer: options.onAnswer,
  })

  const fail = (request: IncomingMessage, response: ServerResponse, error: unknown): void => {
    if (!(error instanceof Refusal)) log.error({ err: error }, 'a request failed here')
    if (response.headersSent || response.destroyed) return
    const refusal = error instanceof Refusal ? error : new Refusal('internal')
    answerRefusal(response, refusal, request.headers.authorization)
  }
  const pages: Readonly<Record<string, (response: ServerResponse) => void>> = {
    [paths.metadata]: (response) => answerJson(response, metadata, cacheable),
    [paths.jwks]: (response) => {
      const policy = state.current()
      if (policy === undefined) {
        answerRefusal(response, new Refusal('no_policy_yet', { retryAfterSeconds: 1 }))
      } else answerJson(response, { keys: policy.keys }, cacheable)
    },
    '/healthz': (response) => answerJson(response, { status: 'ok' }),
    '/readyz': (response) => {
      if (isReady()) answerJson(response, { status: 'ready' })
      else answerRefusal(response, new Refusal('no_policy_yet', { retryAfterSeconds: 1 }))
    },
  }

  return (request: IncomingMessage, response: ServerResponse) => {
    const [path = '', query] = (request.url ?? '').split('?', 2)
    const { method } = request
    if (path === paths.token) {
      if (method !== 'POST') return answerPlain(response, 405, { allow: 'POST' })
      // RFC 6749 2.3.1: what is in a URI is in somebody's log.
      if (query !== undefined) return answerRefusal(response, inQuery)
      token(request).then(
        (body) => answerJson(response, body),
        (error: unknown) => fail(request, response, error),
      )
      return
    }
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    if (page === undefined) return answerPlain(response, 404)
    if (method !== 'GET' && method !== 'HEAD') {
      return answerPlain(response, 405, { allow: 'GET, HEAD' })
    }
    page(response)
  }
}

const inQuery = new Refusal('invalid_request', { hint: 'Parameters belong in the body.' })
const cacheable = { 'cache-control': 'public, max-age=300' }

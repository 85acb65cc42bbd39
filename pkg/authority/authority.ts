import type { Answer } from '../http/serve/answer.ts'
import { fieldOf, type ServedRequest, type ServeHandler } from '../http/serve/request.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Audit } from '../telemetry/audit.ts'
import type { Log } from '../telemetry/log.ts'
import { grantTypes, jwtBearerAssertion } from '../token/exchange.ts'
import {
  answerCacheable,
  answerJson,
  answerMethod,
  answerNotFound,
  answerRefusal,
} from './answers.ts'
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
export function createAuthority(options: AuthorityOptions): ServeHandler {
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

  const fail = ({ fields }: ServedRequest, error: unknown): Answer => {
    if (!(error instanceof Refusal)) log.error({ err: error }, 'a request failed here')
    const refusal = error instanceof Refusal ? error : new Refusal('internal')
    return answerRefusal(refusal, fieldOf(fields, 'authorization'))
  }
  const pages: Readonly<Record<string, () => Answer>> = {
    [paths.metadata]: () => answerCacheable(metadata),
    [paths.jwks]: () => {
      const policy = state.current()
      return policy === undefined
        ? answerRefusal(new Refusal('no_policy_yet', { retryAfterSeconds: 1 }))
        : answerCacheable({ keys: policy.keys })
    },
    '/healthz': () => answerJson({ status: 'ok' }),
    '/readyz': () =>
      isReady()
        ? answerJson({ status: 'ready' })
        : answerRefusal(new Refusal('no_policy_yet', { retryAfterSeconds: 1 })),
  }

  const issue = async (request: ServedRequest): Promise<Answer> => {
    try {
      return answerJson(await token(request))
    } catch (error) {
      return fail(request, error)
    }
  }

  return (request) => {
    const { path, query, method } = request
    if (path === paths.token) {
      if (method !== 'POST') return answerMethod('POST')
      // RFC 6749 2.3.1: what is in a URI is in somebody's log.
      return query === '' ? issue(request) : answerRefusal(inQuery)
    }
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    if (page === undefined) return answerNotFound()
    return method === 'GET' || method === 'HEAD' ? page() : answerMethod('GET, HEAD')
  }
}

const inQuery = new Refusal('invalid_request', { hint: 'Parameters belong in the body.' })

import { Refusal } from '../refusal/refusal.ts'
import type { Bearer } from '../token/claims.ts'
import { MissingKey } from '../token/missing-key.ts'
import type { PolicyState } from './policy-state.ts'

/**
 * Verifies a subject token. A key that is not here is fetched once, where its issuer allows. Throws
 * Refusal `subject_token` (RFC 8693 2.2.2: a bad subject token is `invalid_request`), its private cause
 * the reason, or `keys_unavailable`.
 */
export function createSubjectVerifier(options: {
  readonly state: PolicyState
  /** True when the key is here now. */
  readonly refetch: (issuerName: string, kid: string) => Promise<boolean>
  readonly nowSeconds: () => number
}): (token: string) => Bearer | Promise<Bearer> {
  const { state, refetch, nowSeconds } = options
  const verify = (token: string): Bearer => state.judging().verify(token, nowSeconds())

  const again = async (token: string, missing: MissingKey): Promise<Bearer> => {
    if (await refetch(missing.issuerName, missing.kid)) {
      state.refresh()
      return verify(token)
    }
    throw missing
  }
  return (token) => {
    try {
      return verify(token)
    } catch (error) {
      if (!(error instanceof MissingKey)) throw asSubjectRefusal(error)
      return again(token, error).catch((cause: unknown) => {
        throw asSubjectRefusal(cause)
      })
    }
  }
}

function asSubjectRefusal(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error
  if (error.reason === 'keys_unavailable') {
    return new Refusal('keys_unavailable', { retryAfterSeconds: 5 }, error)
  }
  const ours = error.reason === 'policy_stale' || error.reason === 'no_policy_yet'
  if (ours) return error
  const bound = error.reason === 'token_bound'
  return new Refusal(bound ? 'subject_token_unsupported' : 'subject_token', {}, error)
}

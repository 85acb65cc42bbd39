import { Refusal } from '../refusal/refusal.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'
import { MissingKey } from '../token/missing-key.ts'
import { verifyServiceAccount, type ServiceAccountFacts } from '../token/service-account.ts'
import type { Client, Index } from './index.ts'
import type { ClientKind } from './wire.ts'

const discoveryAudience = 'tokenward:discovery'

/** How far the clocks of API server and controller may be apart. */
const skewSeconds = 30

export interface AdmitOptions {
  readonly index: Index
  /** Who signs service-account tokens; undefined while that is not known. */
  readonly serviceAccounts: () =>
    { readonly issuer: string; readonly keys: readonly JsonWebKeyRow[] } | undefined
  /** The one service account that may subscribe as an authority. */
  readonly authority: { readonly namespace: string; readonly serviceAccount: string }
  readonly nowSeconds: () => number
  /** Somebody shows a token that is signed with a key that is not among them. */
  readonly onUnknownKey?: (kid: string) => void
}

/** A pod whose token verifies and agrees with the view. */
export interface Admission {
  readonly namespace: string
  readonly serviceAccount: string
  readonly serviceAccountUid: string
  readonly pod: string
  readonly podUid: string
  readonly expiresAtSeconds: number
}

/**
 * Judges the bearer token of a stream. Throws Refusal: `client_assertion` where the token does not verify
 * or contradicts the pod that it names, `client_unknown` where that pod is gone, `behind` where the view
 * may be too old to know it.
 */
export function authenticate(authorization: string | undefined, options: AdmitOptions): Admission {
  const { index, nowSeconds } = options
  const token = /^bearer +([^\s,]+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) throw new Refusal('no_token')
  const trust = options.serviceAccounts()
  if (trust === undefined) throw new Refusal('behind')
  const facts = verify(token, trust, options)
  const pod = index.current()?.pods.get(facts.podUid)
  if (pod === undefined) {
    // A token is made for a pod that exists. If the view is younger than the token, the pod is gone.
    const seenUpToSeconds = nowSeconds() - index.ageMs() / 1000 - skewSeconds
    throw new Refusal(facts.issuedAtSeconds < seenUpToSeconds ? 'client_unknown' : 'behind')
  }
  const agrees =
    pod.namespace === facts.namespace &&
    pod.pod === facts.pod &&
    pod.serviceAccount === facts.serviceAccount &&
    pod.serviceAccountUid === facts.serviceAccountUid
  if (!agrees) throw new Refusal('client_assertion', {}, new Error('the token contradicts its pod'))
  return facts
}

function verify(
  token: string,
  trust: NonNullable<ReturnType<AdmitOptions['serviceAccounts']>>,
  { nowSeconds, onUnknownKey }: AdmitOptions,
): ServiceAccountFacts {
  try {
    const audience = discoveryAudience
    return verifyServiceAccount(token, { ...trust, audience, nowSeconds: nowSeconds() })
  } catch (error) {
    const cause = error instanceof Refusal ? error.cause : undefined
    // Signed with a key of tomorrow, or of nobody: the client comes again, and may be known then.
    if (cause instanceof MissingKey) onUnknownKey?.(cause.kid)
    throw error
  }
}

/** The client that this pod is as `kind`. Throws Refusal `client_forbidden`. */
export function clientOf(
  admission: Admission,
  kind: ClientKind,
  authority: AdmitOptions['authority'],
): Client {
  const isAuthority =
    admission.namespace === authority.namespace &&
    admission.serviceAccount === authority.serviceAccount
  if (isAuthority !== (kind === 'authority')) throw new Refusal('client_forbidden')
  return { kind, podUid: admission.podUid, serviceAccountUid: admission.serviceAccountUid }
}

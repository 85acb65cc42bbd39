import { Refusal } from '../refusal/refusal.ts'
import type { Bearer } from '../token/claims.ts'
import { peek } from '../token/peek.ts'
import { readCredential, tokensWithin } from './credential.ts'
import type { Scan } from './fields.ts'
import type { Handles } from './handles.ts'
import type { Policy } from './policy-state.ts'
import { subjectOf, type Subject } from './subject.ts'
import { splitTracestate } from './trace.ts'

/** Who an outbound call is made for. */
export type Found =
  | { readonly kind: 'subject'; readonly subject: Subject }
  /** No evidence; `public`: the request that it belongs to needed no token. */
  | { readonly kind: 'nobody'; readonly cause: 'none' | 'public' }
  /** The app brought a credential of its own: it goes out as it is. */
  | { readonly kind: 'own' }

/** What the evidence is judged with. */
export interface Judge {
  readonly policy: Pick<Policy, 'verify' | 'isForUs' | 'claimsToBeForUs'>
  readonly handles: Pick<Handles, 'find'>
  readonly nowSeconds: number
}

const byItself: Found = { kind: 'nobody', cause: 'none' }
const byPublic: Found = { kind: 'nobody', cause: 'public' }
const own: Found = { kind: 'own' }

/**
 * On whose behalf a call to a matched destination is made (architecture.md, "On behalf of"): a
 * forwarded `Authorization`, the handle in `tracestate`, `Tokenward-Handle`; all that are there must
 * name the same token. Throws `subject_*`, `two_tokens`, `keys_unavailable`.
 */
export function findSubject(scan: Scan, judge: Judge): Found {
  const { authorizations } = scan
  if (authorizations.length > 1) throw new Refusal('two_tokens')
  let subject: Subject | undefined
  const forwarded = authorizations[0]
  if (forwarded !== undefined) {
    subject = forwardedSubject(forwarded, judge)
    if (subject === undefined) return own
  }
  const inTracestate = splitTracestate(scan.tracestate).handles
  if (inTracestate.length === 0 && scan.handles.length === 0) {
    return subject === undefined ? byItself : { kind: 'subject', subject }
  }
  return byHandles([...inTracestate, ...scan.handles], subject, judge)
}

/** The subject of a token that is for this workload; undefined for any other credential. */
function forwardedSubject(value: string, judge: Judge): Subject | undefined {
  const credential = readCredential(value)
  if (credential.kind !== 'bearer') {
    if (tokensWithin(value).some((token) => claimsUs(token, judge))) throw new Refusal('two_tokens')
    return undefined
  }
  const { token } = credential
  let bearer: Bearer
  try {
    bearer = judge.policy.verify(token, judge.nowSeconds)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    if (!claimsUs(token, judge)) return undefined
    if (error.reason === 'keys_unavailable') throw error
    const reason = error.reason === 'token_expired' ? 'subject_expired' : 'subject_invalid'
    throw new Refusal(reason, {}, error)
  }
  return judge.policy.isForUs(bearer) ? subjectOf(bearer, token) : undefined
}

function byHandles(
  handles: readonly string[],
  forwarded: Subject | undefined,
  { handles: known, nowSeconds }: Judge,
): Found {
  let named: Subject | undefined
  let nobody = false
  for (const handle of handles) {
    const opened = known.find(handle)
    if (opened.kind === 'unknown') throw new Refusal('subject_unknown')
    if (opened.kind === 'ended') throw new Refusal('subject_expired')
    if (opened.kind === 'nobody') {
      nobody = true
      continue
    }
    const { subject } = opened
    if (subject.bearer.expiresAtSeconds <= nowSeconds) throw new Refusal('subject_expired')
    const before = named ?? forwarded
    if (before !== undefined && before.bearer.hash !== subject.bearer.hash) {
      throw new Refusal('subject_ambiguous')
    }
    named = subject
  }
  // A public request and one on behalf of somebody are two requests.
  if (nobody && named !== undefined) throw new Refusal('subject_ambiguous')
  const subject = named ?? forwarded
  return subject === undefined ? byPublic : { kind: 'subject', subject }
}

function claimsUs(token: string, { policy }: Judge): boolean {
  const claimed = peek(token)
  return claimed !== null && policy.claimsToBeForUs(claimed)
}

/**
 * What of the `Authorization` fields may go to a destination that no policy names: a token for this
 * workload may not, in whatever form it is written. Gives the fields (flat) and how many were removed.
 */
export function credentialsForStrangers(
  authorizations: readonly string[],
  policy: Pick<Policy, 'claimsToBeForUs'>,
): { readonly fields: readonly string[]; readonly removed: number } {
  const fields: string[] = []
  let removed = 0
  for (const value of authorizations) {
    const leaks = tokensWithin(value).some((token) => {
      const claimed = peek(token)
      return claimed !== null && policy.claimsToBeForUs(claimed)
    })
    if (leaks) removed += 1
    else fields.push('Authorization', value)
  }
  return { fields, removed }
}

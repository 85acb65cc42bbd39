import { isMap, mapOf, textOf, type Json } from './json.ts'
import type { Operation } from './patch.ts'

const apiVersion = 'admission.k8s.io/v1'
const kind = 'AdmissionReview'

/** The request of an AdmissionReview (admission.k8s.io/v1), cut to what is used. */
export interface AdmissionRequest {
  readonly uid: string
  readonly operation: string
  /** `group/resource` or, of the core group, the resource alone; with `/subresource` where there is one. */
  readonly resource: string
  /** Empty for what is cluster-scoped. */
  readonly namespace: string
  /** Empty where a name is yet to be made. */
  readonly name: string
  readonly object: Json
  /** Empty but for an update. */
  readonly oldObject: Json
}

/** What counts of an answer; `reason` is one of a few words. */
export interface Outcome {
  readonly outcome: 'injected' | 'unchanged' | 'skipped' | 'allowed' | 'refused' | 'failed'
  readonly reason: string
}

/** What is decided about a request. */
export type Verdict = Outcome &
  (
    | {
        readonly allowed: true
        readonly operations?: readonly Operation[]
        readonly warnings: readonly string[]
      }
    | {
        readonly allowed: false
        /** As an HTTP status, for whoever made the request. */
        readonly code: number
        /** For people: what is wrong and what to do. */
        readonly message: string
      }
  )

/** Of a text that may be anything; undefined where it is no AdmissionReview v1 with a request. */
export function readReview(text: string): AdmissionRequest | undefined {
  let review: Json
  try {
    review = mapOf(JSON.parse(text))
  } catch {
    return undefined
  }
  const request = mapOf(review['request'])
  const uid = textOf(request['uid'])
  if (review['apiVersion'] !== apiVersion || review['kind'] !== kind) return undefined
  if (uid === undefined || uid === '' || !isMap(request['object'])) return undefined
  const { group, resource } = mapOf(request['resource'])
  const parts = [group, resource, request['subResource']].map(shortOf)
  return {
    uid,
    operation: shortOf(request['operation']),
    resource: parts.filter((part) => part !== '').join('/'),
    namespace: shortOf(request['namespace']),
    name: shortOf(request['name']),
    object: request['object'],
    oldObject: mapOf(request['oldObject']),
  }
}

/** A text no longer than a name may be; an API server sends no longer one. */
export function shortOf(value: unknown): string {
  return textOf(value)?.slice(0, longestName) ?? ''
}

/** Of what is wrong as much as people read: who writes a pod says how much that is. */
export function sentences(problems: readonly string[]): string {
  const shown = problems.slice(0, maxProblems).map((each) => each.slice(0, longestProblem))
  const more = problems.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more problems`] : [])].join('; ')
}

const longestName = 253
const maxProblems = 20
const longestProblem = 1000
const maxWarnings = 16
const longestWarning = 250

/** The AdmissionReview that answers; a patch is of type JSONPatch (RFC 6902) and left out where empty. */
export function writeReview(uid: string, verdict: Verdict): string {
  return JSON.stringify({ apiVersion, kind, response: { uid, ...responseOf(verdict) } })
}

function responseOf(verdict: Verdict): Json {
  if (!verdict.allowed) {
    const { code, message } = verdict
    return { allowed: false, status: { status: 'Failure', code, message } }
  }
  const { operations = [], warnings } = verdict
  return {
    allowed: true,
    ...(operations.length === 0
      ? {}
      : {
          patchType: 'JSONPatch',
          patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
        }),
    ...(warnings.length === 0
      ? {}
      : {
          warnings: warnings.slice(0, maxWarnings).map((each) => each.slice(0, longestWarning)),
        }),
  }
}

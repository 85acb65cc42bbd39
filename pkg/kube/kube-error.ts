import { sentenceOf, type RequestWords } from './request-words.ts'

/** Reasons of ours, where the API server gave none. */
export type OwnReason =
  | 'Unreachable'
  | 'Timeout'
  | 'CertificateExpired'
  | 'CertificateUntrusted'
  | 'Credentials'
  | 'MissingResource'
  | 'BadAnswer'
  | 'Closed'

/** A request to the API server that failed, in words that can be acted on; never with a credential in it. */
export class KubeError extends Error {
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number
  /** The `reason` of the server's Status, or one of ours. */
  readonly reason: string
  readonly retryAfterSeconds: number | undefined
  /** Fields that the server names as causes. */
  readonly causes: readonly Cause[]

  constructor(facts: {
    readonly status: number
    readonly reason: string
    readonly message: string
    readonly retryAfterSeconds?: number | undefined
    readonly causes?: readonly Cause[]
    readonly cause?: unknown
  }) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause })
    this.name = 'KubeError'
    this.status = facts.status
    this.reason = facts.reason
    this.retryAfterSeconds = facts.retryAfterSeconds
    this.causes = facts.causes ?? []
  }
}

export interface Cause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

/** metav1.Status, cut to what is used. */
interface Status {
  readonly kind: 'Status'
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly details?: {
    readonly name?: string
    readonly causes?: readonly Cause[]
    readonly retryAfterSeconds?: number
  }
}

/** The server's words are not repeated at any length. */
const longestWords = 1000

/** Whether the view that a watch or a page continues is gone: only a new list helps. */
export function isExpired(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false
  return (
    error.status === 410 ||
    error.reason === 'Expired' ||
    error.reason === 'Gone' ||
    error.causes.some((cause) => cause.reason === 'ResourceVersionTooLarge')
  )
}

/** The error of an answer that is no success, or of an ERROR line in a watch. */
export function errorOfAnswer(
  words: RequestWords,
  answer: {
    /** 200 for an ERROR line: its Status has the code. */
    readonly status: number
    readonly body: unknown
    readonly retryAfter?: string
    /** When our own client certificate ends, where one was shown. */
    readonly certificateEnds?: Date
  },
): KubeError {
  const status = isStatus(answer.body) ? answer.body : undefined
  const { certificateEnds } = answer
  const code = answer.status === 200 ? (status?.code ?? 500) : answer.status
  const isMissing = code === 404 && status?.details?.name === undefined
  const header = Number(answer.retryAfter)
  const retryAfterSeconds =
    answer.retryAfter !== undefined && Number.isInteger(header) && header >= 0
      ? header
      : status?.details?.retryAfterSeconds
  // What the server says of a Secret that it cannot read may quote it.
  const isSecret = /^secrets\b/.test(words.resource)
  const causes = status?.details?.causes ?? []
  return new KubeError({
    status: code,
    reason: isMissing ? 'MissingResource' : (status?.reason ?? `HTTP ${code}`),
    message: `cannot ${sentenceOf(words)}: ${explain({ words, code, isMissing, certificateEnds })}${isSecret ? '' : said(status?.message)}`,
    retryAfterSeconds,
    causes: isSecret ? causes.map(({ reason, field }) => withoutMissing(reason, field)) : causes,
  })
}

function withoutMissing(reason: string | undefined, field: string | undefined): Cause {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(field === undefined ? {} : { field }),
  }
}

function explain(facts: {
  readonly words: RequestWords
  readonly code: number
  readonly isMissing: boolean
  readonly certificateEnds: Date | undefined
}): string {
  const { words, code, isMissing, certificateEnds } = facts
  if (isMissing) {
    return `the API server serves no ${words.resource} in ${words.version} (404); is its CustomResourceDefinition installed?`
  }
  // Servers that let anybody in answer 403 to whom they do not know.
  const isExpired = certificateEnds !== undefined && certificateEnds.getTime() < Date.now()
  if (isExpired && (code === 401 || code === 403)) {
    return `the client certificate in our credentials has expired, ${certificateEnds.toISOString()} (${code})`
  }
  switch (code) {
    case 401:
      return 'the API server does not accept our credentials (401); are they expired, or of another cluster?'
    case 403:
      return `the API server forbids it (403); a role must grant the verb "${words.verb}" on ${words.resource}`
    case 404:
      return 'there is no such object (404)'
    case 409:
      return 'somebody else wrote the object, or owns a field of it (409)'
    case 410:
      return 'the version that was asked for is too old (410)'
    case 422:
      return 'the API server refuses the object (422)'
    case 429:
      return 'the API server asks us to wait (429)'
    default:
      return `the API server answers ${code}`
  }
}

function said(message: string | undefined): string {
  if (message === undefined || message === '') return ''
  const words = message.length > longestWords ? `${message.slice(0, longestWords)}…` : message
  return `. It says: ${words}`
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
])

const untrusted = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** The error of a request that got no answer. */
export function errorOfNetwork(words: RequestWords, server: string, error: unknown): KubeError {
  if (error instanceof KubeError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const asked = `cannot ${sentenceOf(words)}:`
  const facts = { status: 0, cause: error }
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    const when = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'
    const message = `${asked} the certificate of the API server at ${server} ${when}; renew it, or set this machine's clock`
    return new KubeError({ ...facts, reason: 'CertificateExpired', message })
  }
  if (untrusted.has(code)) {
    const message = `${asked} the certificate of the API server at ${server} is not one of the cluster's authority for that name (${code}); is the certificate authority in the credentials this cluster's?`
    return new KubeError({ ...facts, reason: 'CertificateUntrusted', message })
  }
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) {
    const message = `${asked} no TLS with the API server at ${server} (${code}); is our client certificate expired or of another cluster?`
    return new KubeError({ ...facts, reason: 'Credentials', message })
  }
  const why = unreachable.has(code) ? code : code || 'the connection broke'
  const message = `${asked} the API server at ${server} cannot be reached (${why})`
  return new KubeError({ ...facts, reason: 'Unreachable', message })
}

/** An answer that came too late, or did not come whole. */
export function ownError(words: RequestWords, reason: OwnReason, why: string): KubeError {
  return new KubeError({ status: 0, reason, message: `cannot ${sentenceOf(words)}: ${why}` })
}

function isStatus(body: unknown): body is Status {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status'
}

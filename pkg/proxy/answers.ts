import { rowOf } from '../refusal/reasons.ts'
import type { Refusal } from '../refusal/refusal.ts'

const words: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  408: 'Request Timeout',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  508: 'Loop Detected',
}

export interface Answer {
  readonly refusal: Refusal
  /** Tokenward-Decision id. */
  readonly decision: string
  /** WWW-Authenticate in place of the reason's own. */
  readonly challenge?: string
  /** The connection ends with this answer. */
  readonly close: boolean
  /** The answer is to HEAD. */
  readonly headOnly?: boolean
}

/**
 * The one place where the sidecar turns a refusal into HTTP: problem JSON (RFC 9457) with `reason`, and where
 * it belongs WWW-Authenticate (RFC 6750 3) and Retry-After. ASCII only.
 */
export function renderAnswer(answer: Answer): string {
  const { refusal, decision } = answer
  const status = refusal.facts.status ?? rowOf(refusal.reason).status
  const body = problem(refusal, status, decision)
  const challenge = answer.challenge ?? challengeOf(refusal, status)
  let text = `HTTP/1.1 ${status} ${words[status] ?? 'Error'}\r\nContent-Type: application/problem+json\r\n`
  text += `Content-Length: ${body.length}\r\nCache-Control: no-store\r\n`
  if (decision !== '') text += `Tokenward-Decision: ${decision}\r\n`
  if (challenge !== '') text += `WWW-Authenticate: ${challenge}\r\n`
  if (status === 503 || status === 429) {
    text += `Retry-After: ${Math.ceil(refusal.facts.retryAfterSeconds ?? 1)}\r\n`
  }
  if (answer.close) text += 'Connection: close\r\n'
  return text + '\r\n' + (answer.headOnly === true ? '' : body)
}

function problem(refusal: Refusal, status: number, decision: string): string {
  const { policy, rule, scope, hint } = refusal.facts
  const row = rowOf(refusal.reason)
  const json = JSON.stringify({
    type: 'about:blank',
    title: words[status] ?? 'Error',
    status,
    detail: hint === undefined ? row.words : `${row.words} ${hint}`,
    reason: refusal.reason,
    ...(decision === '' ? {} : { decision }),
    policy,
    rule,
    scope,
  })
  return json.replaceAll(/[^\x20-\x7e]/g, escape)
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** RFC 6750 3: an error only when there was a token. */
function challengeOf(refusal: Refusal, status: number): string {
  const row = rowOf(refusal.reason)
  const oauth = 'oauth' in row ? row.oauth : undefined
  if (status === 401)
    return oauth === 'invalid_token'
      ? `Bearer error="invalid_token", error_description="${quotable(row.words)}"`
      : 'Bearer'
  if (oauth === 'insufficient_scope') {
    const scope = refusal.facts.scope
    return `Bearer error="insufficient_scope"${scope === undefined ? '' : `, scope="${quotable(scope)}"`}`
  }
  return refusal.reason === 'two_tokens' ? 'Bearer error="invalid_request"' : ''
}

function quotable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]|["\\]/g, '')
}

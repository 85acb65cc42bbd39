import type { Answer } from '../http/serve/answer.ts'
import { rowOf } from '../refusal/reasons.ts'
import type { Refusal } from '../refusal/refusal.ts'

const json: readonly string[] = ['Content-Type', 'application/json']
/** RFC 6749 5.1. */
const neverStored: readonly string[] = [...json, 'Cache-Control', 'no-store', 'Pragma', 'no-cache']
const cacheable: readonly string[] = [...json, 'Cache-Control', 'public, max-age=300']

/** A 200 with this body, which no cache keeps. */
export function answerJson(body: object): Answer {
  return { status: 200, fields: neverStored, body: JSON.stringify(body) }
}

/** The same, for what is public and changes rarely. */
export function answerCacheable(body: object): Answer {
  return { status: 200, fields: cacheable, body: JSON.stringify(body) }
}

/**
 * The one place where a refusal becomes an answer (RFC 6749 5.2, RFC 8693 2.2.2). Beside the standard
 * members stands `reason`, by which a sidecar tells its caller what this was about. `authorization`: the
 * field of the request, which no client of ours sends.
 */
export function answerRefusal(refusal: Refusal, authorization?: string): Answer {
  const { reason, facts } = refusal
  const row = rowOf(reason)
  const error = row.oauth ?? (row.status >= 500 ? 'temporarily_unavailable' : 'invalid_request')
  const status = error === 'invalid_client' ? 401 : passes(row.status) ? row.status : 400
  const words = facts.hint === undefined ? row.words : `${row.words} ${facts.hint}`
  const fields = [...neverStored, ...(status === 401 ? challengeOf(authorization) : [])]
  if (facts.retryAfterSeconds !== undefined) {
    fields.push('Retry-After', String(facts.retryAfterSeconds))
  }
  const body = {
    error,
    error_description: asDescription(words),
    reason,
    ...(facts.policy === undefined ? {} : { policy: facts.policy, rule: facts.rule }),
  }
  return { status, fields, body: JSON.stringify(body) }
}

/** An answer outside of OAuth: no such path. */
export function answerNotFound(): Answer {
  return { status: 404, fields: json, body: '{"error":"not_found"}' }
}

/** An answer outside of OAuth: not by this method (RFC 9110 15.5.6). */
export function answerMethod(allowed: string): Answer {
  return {
    status: 405,
    fields: [...json, 'Allow', allowed],
    body: '{"error":"method_not_allowed"}',
  }
}

/** RFC 6749 5.2: a client that tried the Authorization header is answered with the scheme it used. */
function challengeOf(authorization: string | undefined): readonly string[] {
  const used = authorization?.split(' ', 1)[0]?.toLowerCase()
  const scheme = ['Basic', 'Bearer', 'DPoP'].find((name) => name.toLowerCase() === used)
  return scheme === undefined ? [] : ['WWW-Authenticate', `${scheme} realm="tokenward"`]
}

/** What the wire and the limits have statuses of their own for; RFC 6749 5.2 has the others be 400. */
function passes(status: number): boolean {
  return status >= 500 || [408, 429, 431].includes(status)
}

/** RFC 6749 5.2: %x20-21 / %x23-5B / %x5D-7E. */
function asDescription(words: string): string {
  return words.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'")
}

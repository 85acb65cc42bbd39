import type { ServerResponse } from 'node:http'
import { rowOf } from '../refusal/reasons.ts'
import type { Refusal } from '../refusal/refusal.ts'

const json = 'application/json'
/** RFC 6749 5.1. */
const neverStored = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** A 200 with this body, which no cache keeps unless the headers say otherwise. */
export function answerJson(
  response: ServerResponse,
  body: object,
  headers: Readonly<Record<string, string>> = neverStored,
): void {
  write(response, 200, body, headers)
}

/**
 * The one place where a refusal becomes an answer (RFC 6749 5.2, RFC 8693 2.2.2). Beside the standard
 * members stands `reason`, by which a sidecar tells its caller what this was about.
 */
export function answerRefusal(
  response: ServerResponse,
  refusal: Refusal,
  authorization?: string,
): void {
  const { reason, facts } = refusal
  const row = rowOf(reason)
  const error = row.oauth ?? (row.status >= 500 ? 'temporarily_unavailable' : 'invalid_request')
  const status = error === 'invalid_client' ? 401 : passes(row.status) ? row.status : 400
  const words = facts.hint === undefined ? row.words : `${row.words} ${facts.hint}`
  write(
    response,
    status,
    {
      error,
      error_description: asDescription(words),
      reason,
      ...(facts.policy === undefined ? {} : { policy: facts.policy, rule: facts.rule }),
    },
    {
      ...neverStored,
      ...(status === 401 ? challengeOf(authorization) : {}),
      ...(facts.retryAfterSeconds === undefined
        ? {}
        : { 'retry-after': String(facts.retryAfterSeconds) }),
    },
  )
}

/** An answer outside of OAuth: no such path, no such method. */
export function answerPlain(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  write(response, status, { error: status === 404 ? 'not_found' : 'method_not_allowed' }, headers)
}

/** RFC 6749 5.2: a client that tried the Authorization header is answered with the scheme it used. */
function challengeOf(authorization: string | undefined): Readonly<Record<string, string>> {
  const used = authorization?.split(' ', 1)[0]?.toLowerCase()
  const scheme = ['Basic', 'Bearer', 'DPoP'].find((name) => name.toLowerCase() === used)
  return scheme === undefined ? {} : { 'www-authenticate': `${scheme} realm="tokenward"` }
}

function passes(status: number): boolean {
  return status >= 500 || status === 429
}

/** RFC 6749 5.2: %x20-21 / %x23-5B / %x5D-7E. */
function asDescription(words: string): string {
  return words.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'")
}

function write(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>>,
): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': json,
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}

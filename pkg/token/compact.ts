import { Buffer, isUtf8 } from 'node:buffer'
import { Refusal } from '../refusal/refusal.ts'
import { parseObject, type JsonObject } from './json.ts'

/** Longest token that is parsed at all (tokens.md, JOSE rules). */
export const MAX_TOKEN_BYTES = 16 * 1024

/** The three parts of a compact JWS (RFC 7515 7.1), decoded and not verified. */
export interface CompactJws {
  readonly header: JsonObject
  readonly payload: JsonObject
  readonly signature: Buffer
  /** What the signature is over. */
  readonly signingInput: string
}

/**
 * Reads a compact JWS whose payload is a JSON object. Refuses (`token_malformed`) what is longer than
 * 16 KiB, has not exactly three parts, is not canonical unpadded base64url (RFC 7515 2, RFC 4648 3.5),
 * not UTF-8 or not JSON objects of bounded depth with unique member names.
 */
export function readCompact(token: string): CompactJws {
  if (token.length > MAX_TOKEN_BYTES) throw malformed('longer than 16 KiB')
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second < 0 || token.indexOf('.', second + 1) >= 0) {
    throw malformed('not three parts')
  }
  const header = parseObject(decodeText(token.slice(0, first)), 4)
  if (header === undefined) throw malformed('header is not a JSON object with unique members')
  const payload = parseObject(decodeText(token.slice(first + 1, second)))
  if (payload === undefined) throw malformed('payload is not a JSON object with unique members')
  return {
    header,
    payload,
    signature: decode(token.slice(second + 1)),
    signingInput: token.slice(0, second),
  }
}

function decode(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  // Node skips what is not base64url and drops trailing bits; only the canonical text comes back.
  if (text === '' || bytes.toString('base64url') !== text) throw malformed('not base64url')
  return bytes
}

function decodeText(text: string): string {
  const bytes = decode(text)
  if (!isUtf8(bytes)) throw malformed('not UTF-8')
  return bytes.toString('utf8')
}

function malformed(why: string): Refusal {
  return new Refusal('token_malformed', {}, why)
}

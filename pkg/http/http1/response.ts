import { SPACE, onlyOf, valueCharacters } from './characters.ts'
import { malformed, readFields, type HeadSource } from './fields.ts'

/** How the body of an answer ends. */
type ResponseBody = 'none' | 'chunked' | 'close' | number

export interface ResponseHead {
  readonly status: number
  readonly words: string
  /** End-to-end fields, flat, without those that `Connection` listed. */
  readonly fields: readonly string[]
  readonly body: ResponseBody
  /** Content-Length as it was said, or -1: what an answer to HEAD and a 304 pass on. */
  readonly length: number
  /** The connection can carry another request afterwards. */
  readonly keepAlive: boolean
  /** How long the server says it keeps an idle connection, or -1. */
  readonly keepAliveSeconds: number
}

/**
 * Reads the head `[0, end)` of an answer to `method` (RFC 9112 4 and 6.3). Throws
 * a Refusal with a hint; the caller makes upstream_invalid of it.
 */
export function readResponseHead(source: HeadSource, method: string): ResponseHead {
  const { text } = source
  const lineEnd = text.indexOf('\r\n')
  const status = readStatus(source, lineEnd)
  const wordsStart = Math.min(13, lineEnd)
  if (!onlyOf(valueCharacters, text, [wordsStart, lineEnd])) {
    throw malformed('The status line has a control byte.')
  }
  const minor = text.charCodeAt(7) - 48
  const section = readFields(source, lineEnd + 2)
  if (section.chunked && minor === 0) throw malformed('HTTP/1.0 has no transfer codings.')
  const persists = !section.close && (minor === 1 || section.keepAlive)
  // The answer itself is still to come (RFC 9110 15.2); `node:http` reads nothing after such an end.
  if (status < 200 && !persists) throw malformed('An informational answer ends the connection.')
  const body = readBodyKind(section, status, method)
  return {
    status,
    words: text.slice(wordsStart, lineEnd),
    fields: section.listed.length === 0 ? section.fields : without(section.fields, section.listed),
    body,
    length: section.length,
    keepAlive: body !== 'close' && persists,
    keepAliveSeconds: section.keepAliveSeconds,
  }
}

/** `HTTP/1.x`, a space, three digits, then a space or the end of the line. */
function readStatus(source: HeadSource, lineEnd: number): number {
  const { bytes, text } = source
  const version = text.startsWith('HTTP/1.1 ') || text.startsWith('HTTP/1.0 ')
  let status = 0
  for (let at = 9; at < 12; at++) {
    const digit = (bytes[at] ?? 0) - 48
    status = digit < 0 || digit > 9 ? NaN : status * 10 + digit
  }
  if (!version || !(status >= 100) || lineEnd < 12 || (lineEnd > 12 && bytes[12] !== SPACE)) {
    throw malformed('The status line is not version, status and words.')
  }
  return status
}

/** RFC 9112 6.3: first what never has a body, then framing, then the end of the connection. */
function readBodyKind(
  section: { readonly chunked: boolean; readonly length: number },
  status: number,
  method: string,
): ResponseBody {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 'none'
  if (section.chunked) return 'chunked'
  return section.length === -1 ? 'close' : section.length
}

/** The flat fields without those names (lower case). */
export function without(fields: readonly string[], names: readonly string[]): string[] {
  const left: string[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? ''
    if (!names.includes(name.toLowerCase())) left.push(name, fields[at + 1] ?? '')
  }
  return left
}

import { Refusal } from '../../refusal/refusal.ts'
import { onlyOf, readAuthority, targetCharacters, tokenCharacters } from './characters.ts'
import { malformed, readFields, type FieldSection, type HeadSource } from './fields.ts'
import type { Mode, RequestBody, RequestHead } from './message.ts'

/** Methods that Node's own server reads too (RFC 9110 9 and the registry); CONNECT is not served. */
const methods = new Map(
  (
    'GET HEAD POST PUT DELETE OPTIONS TRACE PATCH QUERY ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE ' +
    'MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE REBIND REPORT SEARCH SUBSCRIBE ' +
    'UNBIND UNLINK UNLOCK UNSUBSCRIBE'
  )
    .split(' ')
    .map((method) => [method, method]),
)

export interface RequestSource extends HeadSource {
  readonly mode: Mode
}

interface Target {
  readonly path: string
  readonly query: string
  /** Of the absolute-form, else `''`. */
  readonly authority: string
}

/**
 * Reads the head `[start, end)` (RFC 9112 3 to 6). Throws a Refusal
 * (malformed_request, ambiguous_host, head_too_large, unsupported_version, unsupported_protocol) unless it has
 * exactly one reading.
 */
export function readRequestHead(source: RequestSource, start: number): RequestHead {
  const { text } = source
  const lineEnd = text.indexOf('\r\n', start)
  const methodEnd = text.indexOf(' ', start)
  const targetEnd = lineEnd - 9
  if (methodEnd === -1 || targetEnd <= methodEnd || text.charCodeAt(targetEnd) !== 32) {
    throw malformed('The request line is not method, target and version.')
  }
  if (!onlyOf(tokenCharacters, text, [start, methodEnd]) || methodEnd === start) {
    throw malformed('The method is not a token.')
  }
  const minor = readVersion(text, targetEnd + 1)
  const name = text.slice(start, methodEnd)
  const method = methods.get(name)
  if (method === undefined) {
    if (name === 'CONNECT' && source.mode === 'reverse') throw malformed('CONNECT is not served.')
    throw new Refusal('unsupported_protocol', { hint: 'This method is not served here.' })
  }
  const target = readTarget(method, text.slice(methodEnd + 1, targetEnd), source.mode)
  const section = readFields(source, lineEnd + 2)
  const body = readBodyKind(section, minor)
  return {
    method,
    path: target.path,
    query: target.query,
    authority: judgeHost(section, target.authority, minor),
    absolute: target.authority !== '',
    minor,
    fields: section.fields,
    listed: section.listed,
    body,
    expectContinue: readExpectation(section, minor) && body !== 'none' && body !== 0,
    keepAlive: !section.close && (minor === 1 || section.keepAlive),
    upgrade: section.upgrade,
    trailers: section.trailers,
  }
}

function readVersion(text: string, at: number): 0 | 1 {
  if (text.startsWith('HTTP/1.1', at)) return 1
  if (text.startsWith('HTTP/1.0', at)) return 0
  if (/^HTTP\/\d\.\d$/.test(text.slice(at, at + 8))) throw new Refusal('unsupported_version')
  throw malformed('The request line does not end in a version.')
}

/** RFC 9112 3.2: origin-form, absolute-form of `http`, and `*` for OPTIONS. */
function readTarget(method: string, target: string, mode: Mode): Target {
  if (!onlyOf(targetCharacters, target, [0, target.length])) {
    throw malformed('The target has a byte that must be percent-encoded, or a fragment.')
  }
  if (target.charCodeAt(0) === 47) return splitQuery(target, '')
  if (target === '*' && method === 'OPTIONS') return { path: '*', query: '', authority: '' }
  if (target.slice(0, 7).toLowerCase() !== 'http://') {
    if (mode === 'forward-proxy' && target.slice(0, 8).toLowerCase() === 'https://') {
      throw new Refusal('unsupported_protocol', { hint: 'Only http URLs are served here.' })
    }
    throw malformed('The target is neither a path nor an http URL.')
  }
  const rest = target.slice(7)
  const authorityEnd = rest.search(/[/?]/)
  const authority = readAuthority(authorityEnd === -1 ? rest : rest.slice(0, authorityEnd))
  if (authority === null)
    throw new Refusal('ambiguous_host', { hint: 'The URL names no valid host.' })
  if (authorityEnd === -1) {
    return { path: method === 'OPTIONS' ? '*' : '/', query: '', authority }
  }
  const path = rest.slice(authorityEnd)
  return splitQuery(path.charCodeAt(0) === 47 ? path : `/${path}`, authority)
}

function splitQuery(target: string, authority: string): Target {
  const mark = target.indexOf('?')
  return mark === -1
    ? { path: target, query: '', authority }
    : { path: target.slice(0, mark), query: target.slice(mark), authority }
}

/** RFC 9112 3.2: one Host, and an absolute-form says the same. */
function judgeHost(section: FieldSection, targetAuthority: string, minor: 0 | 1): string {
  if (section.hosts > 1) throw new Refusal('ambiguous_host', { hint: 'Host is repeated.' })
  if (section.hosts === 0) {
    if (minor === 1) throw new Refusal('ambiguous_host', { hint: 'Host is missing.' })
    return targetAuthority
  }
  const host = readAuthority(section.host)
  if (host === null) throw new Refusal('ambiguous_host', { hint: 'Host is not a host and port.' })
  if (targetAuthority !== '' && withoutDefault(targetAuthority) !== withoutDefault(host)) {
    throw new Refusal('ambiguous_host', { hint: 'Host and the URL name different hosts.' })
  }
  return host
}

function withoutDefault(authority: string): string {
  return authority.endsWith(':80') ? authority.slice(0, -3) : authority
}

function readBodyKind(section: FieldSection, minor: 0 | 1): RequestBody {
  if (section.chunked) {
    if (minor === 0) throw malformed('HTTP/1.0 has no transfer codings.')
    return 'chunked'
  }
  return section.length === -1 ? 'none' : section.length
}

/** RFC 9110 10.1.1: of an HTTP/1.0 client it is ignored. */
function readExpectation(section: FieldSection, minor: 0 | 1): boolean {
  if (section.expect === '' || minor === 0) return false
  if (section.expect !== '100-continue') throw malformed('The expectation is not 100-continue.')
  return true
}

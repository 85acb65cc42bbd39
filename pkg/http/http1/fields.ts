import { Refusal } from '../../refusal/refusal.ts'
import {
  COLON,
  CR,
  LF,
  SPACE,
  TAB,
  onlyOf,
  tokenCharacters,
  valueCharacters,
} from './characters.ts'

/** A field section taken apart: what goes on, and what framing and connection say. */
export interface FieldSection {
  /** End-to-end fields, flat: name, value, … */
  fields: string[]
  /** How many fields were about connection, framing or routing. */
  taken: number
  /** Lower-case names that `Connection` lists, without `close` and `keep-alive`. */
  listed: readonly string[]
  hosts: number
  host: string
  /** Content-Length, or -1. */
  length: number
  chunked: boolean
  close: boolean
  keepAlive: boolean
  /** Value of `Expect`, lower-case, or `''`. */
  expect: string
  upgrade: boolean
  /** `TE` lists `trailers`. */
  trailers: boolean
  /** `timeout` of `Keep-Alive`, or -1. */
  keepAliveSeconds: number
}

const none: readonly string[] = Object.freeze([])

/** No more names are listed than there are fields; each costs a look at every field. */
const maxListed = 100

/** Refusal `malformed_request`; the hint says what is wrong in words that hold no input. */
export function malformed(hint: string): Refusal {
  return new Refusal('malformed_request', { hint })
}

/**
 * A head to read: the same bytes twice. Names and values are cut from the text; checking every byte in the buffer
 * is several times faster than in a string.
 */
export interface HeadSource {
  readonly bytes: Uint8Array
  /** latin1 of `bytes`, from their start. */
  readonly text: string
  /** Index of the CRLF CRLF that ends the head. */
  readonly end: number
  /** How many fields there may be. */
  readonly fields: number
}

/**
 * Reads the fields of `[start, end + 2)`, where `end` is the index of the CRLF CRLF. Exactly one reading or a
 * thrown Refusal (RFC 9112 5, 6): CRLF only, no folding, no space before the colon, one Content-Length, one
 * `chunked`, never both.
 */
export function readFields(source: HeadSource, start: number): FieldSection {
  const { bytes, text } = source
  const section: FieldSection = {
    fields: [],
    taken: 0,
    listed: none,
    hosts: 0,
    host: '',
    length: -1,
    chunked: false,
    close: false,
    keepAlive: false,
    expect: '',
    upgrade: false,
    trailers: false,
    keepAliveSeconds: -1,
  }
  const sectionEnd = source.end + 2
  let left = source.fields
  let at = start
  while (at < sectionEnd) {
    if (left-- === 0) throw new Refusal('head_too_large', { hint: 'There are too many fields.' })
    const nameStart = at
    let code = bytes[at] ?? 0
    while (tokenCharacters[code] === 1) code = bytes[++at] ?? 0
    if (code !== COLON || at === nameStart) throw malformed('A field name is not a token.')
    const nameEnd = at
    do code = bytes[++at] ?? 0
    while (code === SPACE || code === TAB)
    const valueStart = at
    while (valueCharacters[code] === 1) code = bytes[++at] ?? 0
    if (code !== CR || bytes[at + 1] !== LF) {
      throw malformed('A field value has a control byte or a line does not end in CRLF.')
    }
    const lineEnd = at
    at += 2
    const name = text.slice(nameStart, nameEnd)
    if (mayBeTaken(nameEnd - nameStart)) {
      // With the blanks after it: parsers differ on those after a framing value.
      if (take(section, name, text.slice(valueStart, lineEnd))) {
        section.taken++
        continue
      }
    }
    let valueEnd = lineEnd
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1] ?? 0)) valueEnd--
    section.fields.push(name, text.slice(valueStart, valueEnd))
  }
  if (section.chunked && section.length !== -1) {
    throw malformed('Content-Length and Transfer-Encoding are both there.')
  }
  return section
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

/** Not `trim`: that takes a no-break space, which is a byte of the value. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const takenLengths = Uint8Array.from({ length: 32 }, (_, length) =>
  [2, 4, 6, 7, 10, 14, 16, 17, 18, 19, 25].includes(length) ? 1 : 0,
)

function mayBeTaken(length: number): boolean {
  return takenLengths[length] === 1
}

/** Takes a field that is about this connection or this message's framing; false when it is none. */
function take(section: FieldSection, name: string, value: string): boolean {
  switch (name.toLowerCase()) {
    case 'host':
      section.hosts++
      section.host = trimBlanks(value)
      return true
    case 'connection':
      takeConnection(section, value)
      return true
    case 'content-length':
      if (section.length !== -1) throw malformed('Content-Length is repeated.')
      section.length = readLength(value)
      return true
    case 'transfer-encoding':
      if (section.chunked) throw malformed('Transfer-Encoding is repeated.')
      if (value.toLowerCase() !== 'chunked') {
        throw malformed('The only transfer coding that is spoken here is chunked.')
      }
      section.chunked = true
      return true
    case 'expect':
      if (section.expect !== '') throw malformed('Expect is repeated.')
      if (value === '') throw malformed('Expect is empty.')
      section.expect = trimBlanks(value).toLowerCase()
      return true
    case 'te':
      if (listHas(value, 'trailers')) section.trailers = true
      return true
    case 'keep-alive':
      section.keepAliveSeconds = readTimeout(value)
      return true
    case 'upgrade':
      section.upgrade = true
      return true
    case 'proxy-connection':
    case 'proxy-authorization':
    case 'proxy-authenticate':
    case 'proxy-authentication-info':
    case 'http2-settings':
      return true
    case 'content_length':
    case 'transfer_encoding':
      throw malformed('A field name imitates framing.')
    default:
      return false
  }
}

function takeConnection(section: FieldSection, value: string): void {
  if (value === 'keep-alive') {
    section.keepAlive = true
    return
  }
  for (const part of value.toLowerCase().split(',')) {
    const name = trimBlanks(part)
    if (name === 'close') section.close = true
    else if (name === 'keep-alive') section.keepAlive = true
    else if (!onlyOf(tokenCharacters, name, [0, name.length])) {
      throw malformed('Connection is not a list of names.')
    } else if (name !== '') {
      if (section.listed.length === maxListed) throw malformed('Connection lists too many names.')
      section.listed = [...section.listed, name]
    }
  }
}

function readLength(value: string): number {
  const leadingZero = value.charCodeAt(0) === 48 && value.length > 1
  if (value === '' || value.length > 15 || leadingZero) {
    throw malformed('Content-Length is not a plain number.')
  }
  let length = 0
  for (let at = 0; at < value.length; at++) {
    const digit = value.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) throw malformed('Content-Length is not a plain number.')
    length = length * 10 + digit
  }
  return length
}

function listHas(list: string, member: string): boolean {
  return list
    .toLowerCase()
    .split(',')
    .some((part) => trimBlanks(part) === member)
}

function readTimeout(value: string): number {
  const found = /(?:^|[,\s])timeout=(\d{1,9})(?:$|[,\s])/i.exec(value)
  return found === null ? -1 : Number(found[1])
}

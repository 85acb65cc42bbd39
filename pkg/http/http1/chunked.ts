import { CR, LF, valueCharacters } from './characters.ts'
import { malformed, readFields } from './fields.ts'
import type { MessageLimits } from './limits.ts'

const SIZE = 0
const EXTENSION = 1
const SIZE_LF = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILER = 6

/** RFC 9112 7.1.1, without white space around the signs. */
const extensions = /^(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[^"\\]|\\.)*"))?)*$/

/** Never sent on from a trailer: framing, routing, credentials (RFC 9110 6.5.1). */
const forbiddenTrailers = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'cache-control',
  'max-forwards',
  'www-authenticate',
  'trailer',
  'range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'age',
  'expires',
  'date',
  'location',
  'retry-after',
  'vary',
  'warning',
])

/** What bounds a chunked body. */
type ChunkLimits = Pick<MessageLimits, 'chunkLineBytes' | 'trailerBytes' | 'fields'>

/**
 * Takes a chunked body apart as it arrives (RFC 9112 7.1). Call `push` until `done` or the bytes are used up;
 * after each call `[from, to)` of the same buffer is body. Throws a Refusal on anything but one reading.
 */
export class ChunkDecoder {
  from = 0
  to = 0
  done = false
  /** Trailers that may go on, flat. */
  trailers: readonly string[] = []
  #state = SIZE
  #size = 0
  #digits = 0
  #line = ''
  #limits: ChunkLimits

  constructor(limits: ChunkLimits) {
    this.#limits = limits
  }

  /** Returns the position of the first byte that it did not take. */
  push(bytes: Buffer, start: number, end: number): number {
    let at = start
    this.from = this.to = 0
    while (at < end) {
      switch (this.#state) {
        case DATA: {
          const taken = Math.min(this.#size, end - at)
          this.from = at
          this.to = at + taken
          this.#size -= taken
          if (this.#size === 0) this.#state = DATA_CR
          return at + taken
        }
        case SIZE:
          this.#sizeByte(bytes[at++] ?? 0)
          break
        case EXTENSION:
          this.#extensionByte(bytes[at++] ?? 0)
          break
        case SIZE_LF:
          this.#expect(bytes[at++], LF)
          this.#state = this.#size === 0 ? TRAILER : DATA
          this.#digits = 0
          break
        case DATA_CR:
          this.#expect(bytes[at++], CR)
          this.#state = DATA_LF
          break
        case DATA_LF:
          this.#expect(bytes[at++], LF)
          this.#state = SIZE
          break
        default:
          this.#trailerByte(bytes[at++] ?? 0)
          if (this.done) return at
      }
    }
    return at
  }

  #expect(byte: number | undefined, wanted: number): void {
    if (byte !== wanted) throw malformed('A chunk does not end in CRLF.')
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte)
    if (digit !== -1) {
      // 12 digits stay below 2^48, far below what a double counts exactly.
      if (++this.#digits > 12) throw malformed('A chunk size has too many digits.')
      this.#size = this.#size * 16 + digit
      return
    }
    if (this.#digits === 0) throw malformed('A chunk has no size.')
    if (byte === CR) this.#state = SIZE_LF
    else if (byte === 59) {
      this.#line = ';'
      this.#state = EXTENSION
    } else throw malformed('A chunk size is not hexadecimal.')
  }

  #extensionByte(byte: number): void {
    if (byte === CR) {
      if (!extensions.test(this.#line)) throw malformed('A chunk extension is not well-formed.')
      this.#line = ''
      this.#state = SIZE_LF
      return
    }
    if (valueCharacters[byte] !== 1 || this.#line.length >= this.#limits.chunkLineBytes) {
      throw malformed('A chunk extension is too long or has a control byte.')
    }
    this.#line += String.fromCharCode(byte)
  }

  #trailerByte(byte: number): void {
    this.#line += String.fromCharCode(byte)
    const { length } = this.#line
    if (length > this.#limits.trailerBytes) throw malformed('The trailers are too large.')
    if (byte !== LF) return
    if (this.#line.charCodeAt(length - 2) !== CR) throw malformed('A trailer does not end in CRLF.')
    if (length > 2 && !this.#line.endsWith('\r\n\r\n')) return
    if (length > 2) this.trailers = readTrailers(this.#line, this.#limits.fields)
    this.#line = ''
    this.done = true
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const letter = byte | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

function readTrailers(text: string, fields: number): string[] {
  const bytes = Buffer.from(text, 'latin1')
  const section = readFields({ bytes, text, end: text.length - 4, fields }, 0)
  if (section.taken > 0) {
    throw malformed('A trailer is about connection, framing or routing.')
  }
  const left: string[] = []
  for (let at = 0; at + 1 < section.fields.length; at += 2) {
    const name = section.fields[at] ?? ''
    if (!forbiddenTrailers.has(name.toLowerCase())) {
      left.push(name, section.fields[at + 1] ?? '')
    }
  }
  return left
}

import type { Socket } from 'node:net'
import { formatAddress } from '../../http/address.ts'
import type { RequestHead } from '../../http/http1/message.ts'
import type { ForwardVerdict } from './verdict.ts'
import { without, type ResponseHead } from '../../http/http1/response.ts'

function fieldLines(fields: readonly string[]): string {
  let text = ''
  for (let at = 0; at + 1 < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`
  return text
}

const notVisible = /[^\x21-\x7e]/
const notValue = /[^\t\x20-\x7e\x80-\xff]/

/**
 * What the decision adds can stand in a head: no control byte, and nothing above latin1, which would keep the
 * lower byte and make a line feed of U+010A.
 */
export function isWritable(verdict: ForwardVerdict): boolean {
  return !notVisible.test(verdict.path) && !verdict.added.some((text) => notValue.test(text))
}

/** Methods whose handlers expect a body (RFC 9110 9.3). */
const bodied = new Set(['POST', 'PUT', 'PATCH', 'QUERY'])

/**
 * Whether the upstream must end its connection after this request. A body that nobody expects may be left
 * unread, and some servers then read it as the next request, one that was never judged.
 */
export function isLast({ method, body }: RequestHead): boolean {
  return body !== 'none' && body !== 0 && !bodied.has(method)
}

/** The head that goes to the upstream, written from the parsed form alone. */
export function writeRequestHead(head: RequestHead, verdict: ForwardVerdict): string {
  const { fields, to } = verdict
  const end = head.listed.length === 0 ? fields : without(fields, head.listed)
  const host = head.authority === '' ? formatAddress(to) : head.authority
  let text = `${head.method} ${verdict.path} HTTP/1.1\r\nHost: ${host}\r\n`
  text += fieldLines(end) + fieldLines(verdict.added)
  if (head.body === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  else if (head.body !== 'none') text += `Content-Length: ${head.body}\r\n`
  if (head.expectContinue) text += 'Expect: 100-continue\r\n'
  const last = isLast(head)
  if (head.trailers) text += `TE: trailers\r\nConnection: ${last ? 'TE, close' : 'TE'}\r\n`
  else if (last) text += 'Connection: close\r\n'
  return text + '\r\n'
}

/** How the body goes to the client; it may differ from how it came. */
export type Framing = 'none' | 'length' | 'chunked' | 'close'

/** `connection`: what to say about it, or `''`. */
export function writeResponseHead(
  head: ResponseHead,
  framing: Framing,
  connection: string,
): string {
  let text = `HTTP/1.1 ${head.status} ${head.words}\r\n` + fieldLines(head.fields)
  if (framing === 'chunked') text += 'Transfer-Encoding: chunked\r\n'
  else if (framing !== 'close' && head.length !== -1 && head.status !== 204 && head.status >= 200) {
    text += `Content-Length: ${head.length}\r\n`
  }
  if (connection !== '') text += `Connection: ${connection}\r\n`
  return text + '\r\n'
}

/** The last chunk with its trailers (RFC 9112 7.1.2). */
export function writeLastChunk(trailers: readonly string[]): string {
  return `0\r\n${fieldLines(trailers)}\r\n`
}

/** Up to here bytes are joined to the text before them: one write, one system call, no second buffer. */
const joinBytes = 8 * 1024

/**
 * Collects what one event has to send and writes it with one call. Text is latin1, so a byte is a character;
 * `borrowed` bytes are copied because their buffer is read into again.
 */
export class Output {
  #socket: Socket
  #text = ''
  #corked = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  text(text: string): void {
    this.#text += text
  }

  bytes(
    bytes: Buffer,
    range: { readonly from: number; readonly to: number },
    borrowed: boolean,
  ): void {
    const { from, to } = range
    if (to - from + this.#text.length <= joinBytes) {
      this.#text += bytes.toString('latin1', from, to)
      return
    }
    if (!this.#corked) this.#socket.cork()
    this.#corked = true
    this.#writeText()
    const part = bytes.subarray(from, to)
    this.#socket.write(borrowed ? Buffer.from(part) : part)
  }

  /** Writes; false when the other side does not keep up. */
  flush(): boolean {
    this.#writeText()
    if (this.#corked) {
      this.#corked = false
      this.#socket.uncork()
    }
    return !this.#socket.writableNeedDrain
  }

  #writeText(): void {
    if (this.#text === '') return
    this.#socket.write(this.#text, 'latin1')
    this.#text = ''
  }
}

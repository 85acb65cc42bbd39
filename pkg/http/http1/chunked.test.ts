import { expect, test } from 'vitest'
import { Refusal } from '../../refusal/refusal.ts'
import { ChunkDecoder } from './chunked.ts'
import { messageLimits } from './limits.ts'

interface Decoded {
  body: string
  trailers: readonly string[]
  rest: string
  done: boolean
}

/** Decodes in steps of `step` bytes. */
function decode(text: string, step = text.length): Decoded | string {
  const chunks = new ChunkDecoder(messageLimits)
  const bytes = Buffer.from(text, 'latin1')
  let body = ''
  let at = 0
  try {
    while (at < bytes.length && !chunks.done) {
      at = chunks.push(bytes, at, Math.min(bytes.length, at + step))
      body += bytes.toString('latin1', chunks.from, chunks.to)
    }
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
  const rest = bytes.toString('latin1', at)
  return { body, trailers: chunks.trailers, rest, done: chunks.done }
}

test.each([
  ['a size that is no number', 'x\r\n'],
  ['no size', '\r\n'],
  ['a negative size', '-1\r\n'],
  ['a size with 0x', '0x1\r\na\r\n0\r\n\r\n'],
  ['a size past what is counted exactly', 'fffffffffffff\r\n'],
  ['a blank before the size', ' 1\r\na\r\n0\r\n\r\n'],
  ['a blank after the size', '1 \r\na\r\n0\r\n\r\n'],
  ['a bare LF after the size', '1\na\r\n0\r\n\r\n'],
  ['a bare CR after the size', '1\ra\r\n0\r\n\r\n'],
  ['data longer than its size', '1\r\nab\r\n0\r\n\r\n'],
  ['a bare LF after the data', '1\r\na\n0\r\n\r\n'],
  ['an extension over the bound', `1;${'a'.repeat(300)}\r\na\r\n0\r\n\r\n`],
  ['an extension with a LF', '1;a\nb\r\na\r\n0\r\n\r\n'],
  ['an extension without a name', '1;\r\na\r\n0\r\n\r\n'],
  ['an extension with an open quote', '1;a="b\r\na\r\n0\r\n\r\n'],
  ['a trailer that sets the length', '0\r\nContent-Length: 5\r\n\r\n'],
  ['a trailer that sets the coding', '0\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a trailer that names a host', '0\r\nHost: b\r\n\r\n'],
  ['a trailer about the connection', '0\r\nConnection: close\r\n\r\n'],
  ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
  ['a trailer with a bare LF', '0\r\nA: b\n\r\n'],
  ['trailers over the bound', `0\r\nA: ${'b'.repeat(9000)}\r\n\r\n`],
])('%s is malformed, whole or byte by byte', (_name, text) => {
  expect(decode(text)).toBe('malformed_request')
  expect(decode(text, 1)).toBe('malformed_request')
})

test.each<[string, string, Decoded]>([
  ['an empty body', '0\r\n\r\n', { body: '', trailers: [], rest: '', done: true }],
  [
    'some chunks',
    '5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n',
    { body: 'hello0123456789', trailers: [], rest: '', done: true },
  ],
  [
    'extensions',
    '1;a;b=c;d="e;\\"f"\r\na\r\n0;z\r\n\r\n',
    { body: 'a', trailers: [], rest: '', done: true },
  ],
  ['trailers', '0\r\nX-A: b\r\n\r\n', { body: '', trailers: ['X-A', 'b'], rest: '', done: true }],
  [
    'trailers without credentials',
    '0\r\nAuthorization: b\r\nX-A:\r\n\r\n',
    { body: '', trailers: ['X-A', ''], rest: '', done: true },
  ],
  ['what comes after', '0\r\n\r\nGET /', { body: '', trailers: [], rest: 'GET /', done: true }],
  ['what is not whole yet', '5\r\nhel', { body: 'hel', trailers: [], rest: '', done: false }],
])('%s is read, whole or byte by byte', (_name, text, wanted) => {
  expect(decode(text)).toEqual(wanted)
  expect(decode(text, 1)).toEqual(wanted)
})

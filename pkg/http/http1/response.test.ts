import { expect, test } from 'vitest'
import { Refusal } from '../../refusal/refusal.ts'
import { readResponseHead, type ResponseHead } from './response.ts'

function read(text: string, method = 'GET'): ResponseHead | string {
  try {
    const bytes = Buffer.from(text, 'latin1')
    const end = text.indexOf('\r\n\r\n')
    return readResponseHead({ bytes, text, end, fields: 100 }, method)
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

test.each([
  [
    'Content-Length with Transfer-Encoding',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['two Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n'],
  ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n'],
  ['a coding in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
  [
    'an informational answer that ends the connection',
    'HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\n',
  ],
  ['an informational answer of HTTP/1.0', 'HTTP/1.0 103 Early Hints\r\n\r\n'],
  ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
  ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ['a status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
  ['a bare LF', 'HTTP/1.1 200 OK\nA: b\r\n\r\n'],
  ['a NUL in the words', 'HTTP/1.1 200 O\0K\r\n\r\n'],
  ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['no version', 'ICY 200 OK\r\n\r\n'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
])('%s is not an answer', (_name, text) => {
  expect(read(text)).toBe('malformed_request')
})

test.each<[string, string, string, Partial<ResponseHead>]>([
  [
    'an informational answer, and the connection goes on',
    'GET',
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n',
    { status: 103, body: 'none', keepAlive: true },
  ],
  [
    'a length',
    'GET',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    { body: 5, keepAlive: true, words: 'OK' },
  ],
  [
    'chunks',
    'GET',
    'HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n',
    { body: 'chunked', words: '' },
  ],
  [
    'no words and no space',
    'GET',
    'HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n',
    { status: 404, body: 0 },
  ],
  ['an end by closing', 'GET', 'HTTP/1.1 200 OK\r\n\r\n', { body: 'close', keepAlive: false }],
  [
    'HTTP/1.0',
    'GET',
    'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n',
    { body: 1, keepAlive: false },
  ],
  [
    'HTTP/1.0 that stays',
    'GET',
    'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n',
    { keepAlive: true },
  ],
  [
    'an answer to HEAD',
    'HEAD',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    { body: 'none', length: 5 },
  ],
  ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', { body: 'none' }],
  [
    '304 with a length',
    'GET',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
    { body: 'none', length: 5 },
  ],
  [
    'a connection that is kept so long',
    'GET',
    'HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5, max=9\r\nContent-Length: 0\r\n\r\n',
    { keepAliveSeconds: 5, fields: [] },
  ],
  [
    'fields that Connection lists',
    'GET',
    'HTTP/1.1 200 OK\r\nConnection: close, x-a\r\nX-A: b\r\nX-B: c\r\n\r\n',
    { fields: ['X-B', 'c'], keepAlive: false },
  ],
])('%s is read', (_name, method, text, wanted) => {
  expect(read(text, method)).toMatchObject(wanted)
})

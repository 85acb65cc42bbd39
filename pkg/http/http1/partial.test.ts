import { expect, test } from 'vitest'
import { scanPartialHead } from './partial.ts'

test.each([
  ['a bare LF', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['a bare CR', 'GET / HTTP/1.1\rH'],
  ['a NUL', 'GET /\0'],
  ['TLS', '\x16\x03\x01'],
  ['a space', ' '],
])(
  'a head that begins with %s is refused before it ends, in whatever pieces it comes',
  (_name, text) => {
    expect(() => scanPartialHead(text, 0, 0)).toThrow('not well-formed')
    expect(() => {
      for (let end = 1; end <= text.length; end++) scanPartialHead(text.slice(0, end), 0, end - 1)
    }).toThrow('not well-formed')
  },
)

test.each([
  ['nothing', '', 0],
  ['a method', 'GE', 0],
  ['a CR whose LF is still to come', 'GET / HTTP/1.1\r', 0],
  ['lines', 'GET / HTTP/1.1\r\nHost: a\r\n', 0],
  ['an empty line before', '\r\nGET', 2],
  ['half an empty line before', '\r', 0],
])('a head that begins with %s may go on, in whatever pieces it comes', (_name, text, start) => {
  scanPartialHead(text, start, 0)
  for (let end = 1; end <= text.length; end++) {
    const part = text.slice(0, end)
    scanPartialHead(part, part.startsWith('\r\n') ? 2 : 0, end - 1)
  }
})

import { expect, test } from 'vitest'
import { sniff } from './sniff.ts'

const told = (text: string) => sniff(Buffer.from(text, 'latin1'))

test.each([
  ['a request', 'GET / HTTP/1.1\r\n', 'http'],
  ['one of HTTP/1.0 with a bare line feed, which the parser judges', 'GET / HTTP/1.0\n', 'http'],
  ['one to a proxy', 'GET http://example.com/ HTTP/1.1\r\nHost: a', 'http'],
  ['a method that nobody knows', 'M-SEARCH * HTTP/1.1\r\n', 'http'],
  ['an empty line before', '\r\nPOST /x HTTP/1.1\r\n', 'http'],
  ['a target that is longer than what is looked at', `GET /${'x'.repeat(5_000)}`, 'http'],
  ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
  ['a hello of TLS', '\x16\x03\x01\x02\x00', 'tls'],
  ['a record of another protocol', '\x16\x04', 'other'],
  ['a command of Redis', 'GET key\r\n', 'other'],
  ['an array of Redis', '*1\r\n$4\r\nPING\r\n', 'other'],
  ['a greeting of SMTP', 'EHLO me\r\n', 'other'],
  ['a version of SSH', 'SSH-2.0-OpenSSH_9.2\r\n', 'other'],
  ['what PostgreSQL begins with', '\x00\x00\x00\x08\x04\xd2\x16\x2f', 'other'],
  ['a word that is too long for a method', 'x'.repeat(65), 'other'],
])('%s is told', (_, text, protocol) => {
  expect(told(text)).toBe(protocol)
})

test.each([
  ['nothing', ''],
  ['half a method', 'GE'],
  ['half a target', 'GET /a'],
  ['the end of a line', 'GET / HTTP/1.1\r'],
  ['one byte of TLS', '\x16'],
  ['an empty line', '\r\n'],
  ['half an empty line', '\r'],
])('%s does not tell yet', (_, text) => {
  expect(told(text)).toBeUndefined()
})

test('what is told of a beginning is not told otherwise by what follows', () => {
  const whole = 'GET /abc HTTP/1.1\r\nHost: a\r\n\r\n'
  const tellings = Array.from(whole, (_, at) => told(whole.slice(0, at + 1)))
  const first = tellings.findIndex((each) => each !== undefined)
  expect(tellings.slice(first).every((each) => each === 'http')).toBe(true)
})

test('a request line that is cut by what is looked at is one wherever it is cut', () => {
  const tellings = Array.from({ length: 32 }, (_, more) =>
    told(`GET /${'x'.repeat(4_070 + more)} HTTP/1.1\r\nHost: a\r\n\r\n`),
  )
  expect(new Set(tellings)).toEqual(new Set(['http']))
})

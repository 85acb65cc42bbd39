import { expect, test } from 'vitest'
import { Refusal } from '../../refusal/refusal.ts'
import { messageLimits } from './limits.ts'
import type { Mode, RequestHead } from './message.ts'
import { readRequestHead } from './request.ts'

function read(text: string, mode: Mode = 'reverse'): RequestHead | string {
  try {
    const bytes = Buffer.from(text, 'latin1')
    const end = text.indexOf('\r\n\r\n')
    return readRequestHead({ bytes, text, end, fields: messageLimits.fields, mode }, 0)
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

const get = (fields: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
const post = (fields: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`
const line = (text: string): string => `${text}\r\nHost: a\r\n\r\n`

test.each([
  ['two Content-Length', post('Content-Length: 5\r\nContent-Length: 5\r\n')],
  ['two Content-Length of different case', post('Content-Length: 5\r\ncONTENT-lENGTH: 6\r\n')],
  ['a list in Content-Length', post('Content-Length: 5, 5\r\n')],
  ['a signed Content-Length', post('Content-Length: +5\r\n')],
  ['a hexadecimal Content-Length', post('Content-Length: 0x5\r\n')],
  ['an octal look in Content-Length', post('Content-Length: 05\r\n')],
  ['an empty Content-Length', post('Content-Length:\r\n')],
  ['a Content-Length past what is counted exactly', post('Content-Length: 9007199254740993\r\n')],
  ['a blank after Content-Length', post('Content-Length: 5 \r\n')],
  [
    'Content-Length with Transfer-Encoding',
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
  ],
  [
    'Transfer-Encoding with Content-Length',
    post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'),
  ],
  ['two Transfer-Encoding', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
  ['a coding before chunked', post('Transfer-Encoding: gzip, chunked\r\n')],
  ['chunked twice', post('Transfer-Encoding: chunked, chunked\r\n')],
  ['a coding that is not chunked', post('Transfer-Encoding: identity\r\n')],
  ['a coding that begins like chunked', post('Transfer-Encoding: chunkedx\r\n')],
  ['a tab after chunked', post('Transfer-Encoding: chunked\t\r\n')],
  ['a vertical tab before chunked', post('Transfer-Encoding: \vchunked\r\n')],
  ['an underscore in Transfer_Encoding', post('Transfer_Encoding: chunked\r\n')],
  ['an underscore in Content_Length', post('Content_Length: 5\r\n')],
  ['a space before the colon', post('Content-Length : 5\r\n')],
  ['a tab before the colon', get('X-A\t: 5\r\n')],
  ['a folded line', get('X-A: b\r\n c\r\n')],
  ['a fold that hides a coding', post('Transfer-Encoding:\r\n chunked\r\n')],
  ['a first field that begins with a space', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
  ['a bare LF between fields', get('X-A: b\nX-B: c\r\n')],
  ['a bare CR in a value', get('X-A: b\rX-B: c\r\n')],
  ['a NUL in a value', get('X-A: b\0c\r\n')],
  ['a DEL in a value', get('X-A: b\x7f\r\n')],
  ['a field without a colon', get('X-A\r\n')],
  ['a field without a name', get(': a\r\n')],
  ['a name with a bracket', get('X[a]: b\r\n')],
  ['a name with a byte above ASCII', get('X-\xe9: b\r\n')],
  ['a member of Connection that is no token', get('Connection: a b\r\n')],
  ['a Connection of 101 names', get(`Connection: ${'a,'.repeat(100)}a\r\n`)],
  ['101 names in two of them', get(`Connection: ${'a,'.repeat(100)}\r\nConnection: a\r\n`)],
  ['an expectation that is not known', post('Expect: 200-ok\r\nContent-Length: 5\r\n')],
  [
    'two expectations',
    post('Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n'),
  ],
  ['no version', line('GET /')],
  ['two spaces before the target', line('GET  / HTTP/1.1')],
  ['two spaces before the version', line('GET /  HTTP/1.1')],
  ['a space in the target', line('GET /a b HTTP/1.1')],
  ['a space after the version', line('GET / HTTP/1.1 ')],
  ['a tab between the parts', line('GET\t/\tHTTP/1.1')],
  ['a version in lower case', line('GET / http/1.1')],
  ['a version of three digits', line('GET / HTTP/1.10')],
  ['a method with a bracket', line('GE(T / HTTP/1.1')],
  ['no method', line(' / HTTP/1.1')],
  ['a fragment', line('GET /a#b HTTP/1.1')],
  ['a byte above ASCII in the target', line('GET /\xe9 HTTP/1.1')],
  ['a control byte in the target', line('GET /\x01 HTTP/1.1')],
  ['a target that is neither path nor URL', line('GET a HTTP/1.1')],
  ['an asterisk that is not for OPTIONS', line('GET * HTTP/1.1')],
  ['a URL of another scheme', line('GET ftp://a/ HTTP/1.1')],
  ['an https URL at a reverse listener', line('GET https://a/ HTTP/1.1')],
  ['CONNECT at a reverse listener', line('CONNECT a:443 HTTP/1.1')],
  [
    'a transfer coding in HTTP/1.0',
    'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
])('%s is malformed', (_name, text) => {
  expect(read(text)).toBe('malformed_request')
})

test.each([
  ['no Host', 'GET / HTTP/1.1\r\nX-A: b\r\n\r\n'],
  ['two Hosts that agree', get('Host: a\r\n')],
  ['two Hosts that differ', get('hOST: b\r\n')],
  ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ['a list of hosts', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
  ['user information', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n'],
  ['a path in Host', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['an empty port', 'GET / HTTP/1.1\r\nHost: a:\r\n\r\n'],
  ['a port past 65535', 'GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n'],
  ['a port with a leading zero', 'GET / HTTP/1.1\r\nHost: a:080\r\n\r\n'],
  ['a port that is no number', 'GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n'],
  ['a bracket that stays open', 'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n'],
  ['text after the bracket', 'GET / HTTP/1.1\r\nHost: [::1]a\r\n\r\n'],
  ['a no-break space after the host', 'GET / HTTP/1.1\r\nHost: a\xa0\r\n\r\n'],
  ['a URL that says another host', line('GET http://b/ HTTP/1.1')],
  ['a URL that says another port', line('GET http://a:81/ HTTP/1.1')],
  ['a URL with user information', line('GET http://a@b/ HTTP/1.1')],
  ['a URL without a host', line('GET http:/// HTTP/1.1')],
])('%s is an ambiguous host', (_name, text) => {
  expect(read(text)).toBe('ambiguous_host')
})

test.each([
  ['HTTP/2 with its preface', 'PRI * HTTP/2.0\r\n\r\n', 'unsupported_version'],
  ['HTTP/0.9', line('GET / HTTP/0.9'), 'unsupported_version'],
  ['a method of nobody', line('FROB / HTTP/1.1'), 'unsupported_protocol'],
  ['a method in lower case', line('get / HTTP/1.1'), 'unsupported_protocol'],
  ['101 fields', get('X-A: b\r\n'.repeat(100)), 'head_too_large'],
])('%s is refused', (_name, text, reason) => {
  expect(read(text)).toBe(reason)
})

test.each([
  ['CONNECT', line('CONNECT a:443 HTTP/1.1')],
  ['an https URL', line('GET https://a/ HTTP/1.1')],
])('%s at a proxy is not supported', (_name, text) => {
  expect(read(text, 'forward-proxy')).toBe('unsupported_protocol')
})

test.each<[string, string, Partial<RequestHead>]>([
  [
    'a plain path',
    line('GET /a/b?c=d?e HTTP/1.1'),
    { method: 'GET', path: '/a/b', query: '?c=d?e', absolute: false },
  ],
  ['a path as it came', line('GET //a/%2e%2E/b;c HTTP/1.1'), { path: '//a/%2e%2E/b;c', query: '' }],
  [
    'a host in lower case',
    'GET / HTTP/1.1\r\nhOsT: \tA.Shop:8080 \r\n\r\n',
    { authority: 'a.shop:8080' },
  ],
  ['an IPv6 host', 'GET / HTTP/1.1\r\nHost: [FE80::1]:80\r\n\r\n', { authority: '[fe80::1]:80' }],
  [
    'a URL that says what Host says',
    line('GET HTTP://A/x?y HTTP/1.1'),
    { path: '/x', query: '?y', authority: 'a', absolute: true },
  ],
  [
    'a URL with the default port',
    line('GET http://a:80?y HTTP/1.1'),
    { path: '/', query: '?y', authority: 'a' },
  ],
  ['OPTIONS of all', line('OPTIONS * HTTP/1.1'), { path: '*' }],
  [
    'OPTIONS of a URL without path',
    line('OPTIONS http://a HTTP/1.1'),
    { path: '*', authority: 'a' },
  ],
  [
    'HTTP/1.0 without Host',
    'GET / HTTP/1.0\r\n\r\n',
    { minor: 0, authority: '', keepAlive: false },
  ],
  [
    'HTTP/1.0 that stays',
    'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    { minor: 0, keepAlive: true },
  ],
  ['HTTP/1.1 that stays', get(''), { minor: 1, keepAlive: true, body: 'none', upgrade: false }],
  [
    'HTTP/1.1 that closes',
    get('Connection: x-a, CLOSE\r\n'),
    { keepAlive: false, listed: ['x-a'] },
  ],
  ['a length', post('Content-Length: 5\r\n'), { body: 5 }],
  ['a length of nothing', post('Content-Length: 0\r\n'), { body: 0 }],
  ['a chunked body', post('Transfer-Encoding: Chunked\r\n'), { body: 'chunked' }],
  [
    'an expectation',
    post('Expect: 100-Continue\r\nContent-Length: 5\r\n'),
    { expectContinue: true, body: 5 },
  ],
  ['an expectation without a body', get('Expect: 100-continue\r\n'), { expectContinue: false }],
  [
    'an expectation of HTTP/1.0',
    'POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 5\r\n\r\n',
    { expectContinue: false },
  ],
  [
    'an offer to upgrade',
    get('Connection: Upgrade\r\nUpgrade: h2c\r\n'),
    { upgrade: true, fields: [] },
  ],
  ['TE: trailers', get('TE: gzip, Trailers\r\n'), { trailers: true, fields: [] }],
  [
    '100 fields',
    get('X-A: b\r\n'.repeat(99)),
    { fields: Array<string[]>(99).fill(['X-A', 'b']).flat() },
  ],
  [
    'values without the blanks around',
    get('X-A: \t b c \t\r\nX-B:\r\n'),
    { fields: ['X-A', 'b c', 'X-B', ''] },
  ],
  ['bytes above ASCII in a value', get('X-A: \xe9\xff\r\n'), { fields: ['X-A', '\xe9\xff'] }],
  [
    'a field called __proto__',
    get('__proto__: a\r\nconstructor: b\r\n'),
    { fields: ['__proto__', 'a', 'constructor', 'b'] },
  ],
  [
    'a hundred names in Connection',
    get(`Connection: ${'a,'.repeat(100)}\r\nX-A: b\r\n`),
    { fields: ['X-A', 'b'] },
  ],
  [
    'a field that Connection lists',
    get('Connection: authorization\r\nAuthorization: b\r\n'),
    { listed: ['authorization'], fields: ['Authorization', 'b'] },
  ],
  [
    'fields without those of one hop',
    get(
      'Keep-Alive: timeout=5\r\nProxy-Connection: a\r\nProxy-Authorization: b\r\nHTTP2-Settings: c\r\nX-A: d\r\n',
    ),
    { fields: ['X-A', 'd'] },
  ],
])('%s is read', (_name, text, wanted) => {
  expect(read(text)).toMatchObject(wanted)
})

/** A small seeded generator, so that a finding can be made again from its seed. */
export type Random = (below: number) => number

/** Mulberry32. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Pieces that parsers have disagreed about before. */
const pieces = [
  '\r\n',
  '\n',
  '\r',
  '\r\r\n',
  '\n\r\n',
  '\r\n\r\n',
  '\0',
  '\t',
  ' ',
  '  ',
  '\v',
  '\f',
  '\x7f',
  '\x80',
  '\xff',
  ':',
  ' :',
  ': ',
  ';',
  ',',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length: +5\r\n',
  'content-length:5\r\n',
  'Content-Length: 05\r\n',
  'Content-Length : 5\r\n',
  'Content-Length: 5\t\r\n',
  'Content-Length: 0x5\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Content_Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: Chunked\r\n',
  'Transfer-Encoding: chunked, chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'Transfer-Encoding:\tchunked\r\n',
  'Transfer-Encoding: chunked \r\n',
  'Transfer-Encoding:\r\n chunked\r\n',
  'Transfer_Encoding: chunked\r\n',
  'Host: b\r\n',
  'Host: a:80\r\n',
  'Host:\r\n',
  'Host: a@b\r\n',
  'Host: [::1]:80\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, x-a\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Upgrade: h2c\r\nHTTP2-Settings: AA\r\n',
  'Expect: 100-continue\r\n',
  'TE: trailers\r\n',
  'Trailer: X-T\r\n',
  '__proto__: 1\r\n',
  'constructor: 2\r\n',
  'X-Empty:\r\n',
  'X-Pad:   v  \r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  '5;a=b\r\nhello\r\n',
  '5;a="q;\\"x"\r\nhello\r\n',
  '5 \r\nhello\r\n',
  '5;\r\nhello\r\n',
  '5; a\r\nhello\r\n',
  '5;a =b\r\nhello\r\n',
  '0\r\nX-T: 1\r\n\r\n',
  '00\r\n\r\n',
  '0;last\r\n\r\n',
  '0\r\nContent-Length: 3\r\n\r\n',
  '0\r\nTransfer-Encoding: chunked\r\n\r\n',
  '-1\r\n',
  '0x5\r\n',
  'ffffffffffffffff\r\n',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/1.10',
  '/',
  '//',
  '/..',
  '/%2e',
  '?',
  '#',
  '*',
  'http://a/',
  'http://a',
  'HTTP://A/x',
  'http://a:80/?q',
  'https://a/',
  'http://u@a/',
  'a:80',
  'GET ',
  'POST ',
  'HEAD ',
  'OPTIONS ',
  'CONNECT ',
  'PRI ',
  'M-SEARCH ',
  'SOURCE ',
  'QUERY ',
  'get ',
  'hello',
]

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[random(items.length)]
  if (item === undefined) throw new Error('an empty list')
  return item
}

const methods = [
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'TRACE',
  'QUERY',
  'REPORT',
]
const targets = [
  '/',
  '/a/b',
  '/a?b=c',
  '/%2F..',
  '//a',
  'http://a/x?y',
  'http://A:80',
  '/a;b|"{}<>\\^`',
  '/?q=http://c/',
]
const names = [
  'X-A',
  'accept',
  'Cookie',
  '__proto__',
  'hasOwnProperty',
  'x_y',
  "!#$%&'*+-.^_`|~9",
  'Authorization',
]
const values = ['', 'v', 'a, b', '\xe9\xff', '"quoted"', 'a\tb', 'Bearer x.y.z', ': :', '{"a":1}']

/** One request that is well-formed, but for a rare slip. */
function request(random: Random): string {
  const slip = (): string => (random(60) === 0 ? pick(random, pieces) : '')
  const kind = random(3)
  const body = 'x'.repeat(random(8))
  let text = `${slip()}${pick(random, methods)}${slip()} ${pick(random, targets)}${slip()} HTTP/1.${random(8) === 0 ? 0 : 1}\r\n`
  if (random(20) !== 0)
    text += `${pick(random, ['Host', 'host', 'HOST'])}: ${pick(random, ['a', 'A', 'a:80', 'a'])}\r\n`
  for (let count = random(4); count > 0; count--) {
    text += `${pick(random, names)}${slip()}:${pick(random, ['', ' ', '\t', '  '])}${pick(random, values)}${slip()}\r\n`
  }
  if (random(6) === 0)
    text += pick(
      random,
      pieces.filter((piece) => piece.endsWith('\r\n')),
    )
  if (kind === 1) text += `Content-Length: ${body.length}\r\n\r\n${body}`
  else if (kind === 2) text += `Transfer-Encoding: chunked\r\n\r\n${chunked(random, body)}`
  else text += '\r\n'
  return text
}

function chunked(random: Random, body: string): string {
  let text = ''
  for (const part of [body, 'more', body].slice(0, random(4))) {
    if (part === '') continue
    const size = pick(random, [
      part.length.toString(16),
      `0${part.length.toString(16)}`,
      part.length.toString(16).toUpperCase(),
    ])
    text += `${size}${pick(random, ['', '', '', ';a', ';a=b', ';a="c d"', ' ', ';'])}\r\n${part}\r\n`
  }
  text += '0\r\n'
  if (random(2) === 0) text += `X-T:${pick(random, values)}\r\n`
  if (random(12) === 0) text += pick(random, pieces)
  return `${text}\r\n`
}

/** The bytes of one connection: some pipelined requests. */
export function connectionBytes(random: Random): Buffer {
  let text = ''
  for (let count = 1 + random(3); count > 0; count--) text += request(random)
  return Buffer.from(text, 'latin1')
}

/** Changes some bytes: flips, cuts, doubles, puts pieces in. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let text = bytes.toString('latin1')
  for (let count = 1 + random(3); count > 0; count--) {
    const at = random(text.length + 1)
    const to = Math.min(text.length, at + random(12))
    const kind = random(5)
    if (kind === 0) text = text.slice(0, at) + pick(random, pieces) + text.slice(at)
    else if (kind === 1) text = text.slice(0, at) + text.slice(to)
    else if (kind === 2) text = text.slice(0, to) + text.slice(at)
    else if (kind === 3)
      text = text.slice(0, at) + String.fromCharCode(random(256)) + text.slice(at + 1)
    else text = text.slice(0, at) + pick(random, pieces) + text.slice(to)
  }
  return Buffer.from(text, 'latin1')
}

/** The server of room http: what it reads, answers and refuses. */
import { afterEach, expect, test } from 'vitest'
import { Refusal } from '../../pkg/refusal/refusal.ts'
import { echo, serveHere, statuses, type ServedHere } from '../support/tls-server.ts'
import { until } from '../support/until.ts'

let served: ServedHere | undefined
afterEach(async () => served?.close())

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const post = (body: string, more = ''): string =>
  `POST /p HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
const last = 'Connection: close\r\n'

test('requests of one connection are answered in turn, pipelined ones too', async () => {
  served = await serveHere()
  const { text, closed } = await served.send(
    get('/1?x') + post('hello') + get('/3') + post('', last),
  )
  expect(text).toMatch(/GET \/1\?x [^]*POST \/p hello[^]*GET \/3 [^]*POST \/p $/)
  expect([statuses(text), closed]).toEqual([[200, 200, 200, 200], true])
})

test('a later answer holds up the requests behind it, and no other connection', async () => {
  const gate = Promise.withResolvers<void>()
  const seen: string[] = []
  served = await serveHere(async (request) => {
    seen.push(request.path)
    if (request.path === '/slow') await gate.promise
    return echo(request)
  })
  const slow = await served.connect()
  slow.socket.write(get('/slow') + get('/behind'))
  await until('it is under way', () => seen.includes('/slow'))
  const { text } = await served.send(get('/other', last))
  expect(text).toContain('GET /other')
  expect(seen).toEqual(['/slow', '/other'])
  gate.resolve()
  await until('both answers', () => statuses(slow.text()).length === 2)
  expect(slow.text()).toMatch(/GET \/slow [^]*GET \/behind/)
})

test('what comes between the end of a body and its judgement is of the next request', async () => {
  served = await serveHere()
  // A record of TLS ends with the body: what is in the next one comes by itself, in the same turn.
  const recordBytes = 16 * 1024
  const body = 'x'.repeat(recordBytes - post('x'.repeat(10_000)).length + 10_000)
  expect(post(body)).toHaveLength(recordBytes)
  const { text } = await served.send(post(body) + get('/second') + get('/third', last))
  expect(text.match(/(?:GET|POST) \/\w+ x*/g)).toEqual([
    `POST /p ${body}`,
    'GET /second ',
    'GET /third ',
  ])
})

test('a body may come in chunks, and byte by byte', async () => {
  served = await serveHere()
  const chunked =
    'POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'
  const peer = await served.connect()
  for (const byte of chunked + post('x'.repeat(200)) + get('/end', last)) peer.socket.write(byte)
  await until('all answers', () => peer.isClosed())
  expect(peer.text()).toContain('POST /p abcde')
  expect(peer.text()).toContain(`POST /p ${'x'.repeat(200)}`)
  expect(statuses(peer.text())).toEqual([200, 200, 200])
})

test('a client that asks first is told to go on, once', async () => {
  served = await serveHere()
  const peer = await served.connect()
  peer.socket.write(
    'POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
  )
  await until('it may go on', () => peer.text() === 'HTTP/1.1 100 Continue\r\n\r\n')
  peer.socket.write('ab')
  await until('the answer', () => peer.text().endsWith('POST /p ab'))
  expect(statuses(peer.text())).toEqual([100, 200])
})

test('HEAD has the head of GET and no body', async () => {
  served = await serveHere()
  const { text } = await served.send('HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n' + get('/after', last))
  const [head, ...rest] = text.split('\r\n\r\n')
  expect(head).toContain(`Content-Length: ${'HEAD /h '.length}`)
  expect(rest.join('')).toMatch(/^HTTP\/1\.1 200 OK/)
})

test('a client of HTTP/1.0 is answered and the connection closed', async () => {
  served = await serveHere()
  const { text, closed } = await served.send('GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  expect([text.includes('Connection: close'), text.endsWith('GET /old '), closed]).toEqual([
    true,
    true,
    true,
  ])
})

test('a client that has sent its end is answered', async () => {
  served = await serveHere()
  const peer = await served.connect()
  peer.socket.end(post('bye'))
  await until('the end', () => peer.isClosed())
  expect(peer.text()).toContain('POST /p bye')
})

const chunks = 'POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n'
test.each([
  ['both framings, the chunked one short', `${chunks}Content-Length: 40\r\n\r\n0\r\n\r\n`],
  [
    'two lengths',
    `POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
  ],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
  ['a bare LF', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['a head over 32 KiB', get('/', `X: ${'y'.repeat(40_000)}\r\n`)],
  ['a chunk that is none', `${chunks}\r\nzz\r\n`],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
  ['HTTP/2 with its preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a length beyond the bound', 'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n'],
  ['chunks beyond the bound', `${chunks}\r\n10001\r\n${'x'.repeat(65_537)}\r\n0\r\n\r\n`],
  [
    'a length beyond the bound that is waited for',
    'POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 65537\r\n\r\n',
  ],
])('%s is refused once, closes, and nothing behind it is read', async (_, bytes) => {
  const seen: string[] = []
  served = await serveHere((request) => {
    seen.push(request.path)
    return echo(request)
  })
  const { text, closed } = await served.send(bytes + get('/behind'))
  expect([statuses(text), closed]).toEqual([[400], true])
  expect(text).toContain('Connection: close')
  expect(seen).toEqual([])
  expect(statuses((await served.send(get('/twin', last))).text)).toEqual([200])
})

test('a body of just the bound is read', async () => {
  served = await serveHere()
  const { text } = await served.send(post('x'.repeat(65_536), last))
  expect(text).toContain('x'.repeat(65_536))
})

test('what follows an offer to upgrade is not read as a request', async () => {
  served = await serveHere()
  const offer = get('/1', 'Connection: upgrade\r\nUpgrade: other\r\n')
  const { text, closed } = await served.send(offer + get('/2'))
  expect([statuses(text), closed]).toEqual([[200], true])
})

test.each([
  [
    'throws',
    () => {
      throw new Error('secret words')
    },
  ],
  ['rejects', () => Promise.reject(new Error('secret words'))],
])(
  'a handler that %s is a 500 without its words, and the connection closes',
  async (_, handler) => {
    served = await serveHere(handler)
    const { text, closed } = await served.send(get('/') + get('/behind'))
    expect([text.includes('internal'), text.includes('secret'), closed]).toEqual([
      true,
      false,
      true,
    ])
    expect(served.logged.join('')).toContain('a request failed here')
  },
)

test.each([
  [
    'thrown',
    () => {
      throw new Refusal('rate_limited')
    },
  ],
  ['rejected with', () => Promise.reject(new Refusal('rate_limited'))],
])('a refusal that is %s is an answer, and the connection stays', async (_, handler) => {
  served = await serveHere(handler)
  const { text } = await served.send(get('/') + get('/', last))
  expect(text.match(/rate_limited/g)).toHaveLength(2)
})

test('bytes that are no TLS are not answered, and disturb nobody', async () => {
  served = await serveHere()
  const answer = await fetch(`http://127.0.0.1:${served.port}/`).catch(() => undefined)
  expect(answer).toBeUndefined()
  expect(statuses((await served.send(get('/', last))).text)).toEqual([200])
})

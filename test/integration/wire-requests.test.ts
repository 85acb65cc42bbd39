import { request } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { Refusal } from '../../pkg/refusal/refusal.ts'
import { until } from '../support/until.ts'
import { rawClient, startWire, type Wire } from '../support/wire.ts'

let wire: Wire | undefined
afterEach(async () => {
  await wire?.close()
  wire = undefined
})

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: shop\r\n${more}\r\n`

/** An application that says what it got. */
async function echoing(options: Partial<Parameters<typeof startWire>[0]> = {}): Promise<Wire> {
  wire = await startWire({
    app: (asked, answer) => {
      let body = ''
      asked.on('data', (data: Buffer) => (body += data.toString()))
      asked.on('end', () => {
        const { method, url, rawHeaders, rawTrailers } = asked
        answer.end(JSON.stringify({ method, url, body, fields: rawHeaders, trailers: rawTrailers }))
      })
    },
    ...options,
  })
  return wire
}

test('pipelined requests are judged one by one, and a refused one stops none after it', async () => {
  const { port, outcomes } = await echoing()
  const client = rawClient(port)
  client.send(
    `${get('/a')}${get('/refused')}POST /b HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\nhi`,
  )
  client.send(get('/c', 'Connection: close\r\n'))
  const text = await client.ends()
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(
    ['200', '401', '200', '200'].map((s) => `HTTP/1.1 ${s}`),
  )
  expect(text.indexOf('"url":"/a"')).toBeLessThan(text.indexOf('"reason":"no_token"'))
  expect(text).toContain('"body":"hi"')
  expect(outcomes).toEqual(Array(3).fill({ status: 200, complete: true }))
})

test('a request that arrives byte by byte is read the same', async () => {
  const { port } = await echoing()
  const client = rawClient(port)
  client.socket.setNoDelay(true)
  const bytes = `POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nX-T: 1\r\n\r\n${get('/b', 'Connection: close\r\n')}`
  for (const byte of bytes) {
    client.send(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const text = await client.ends()
  expect(text).toContain('"body":"abc"')
  expect(text).toContain('"trailers":["X-T","1"]')
  expect(text).toContain('"url":"/b"')
})

test('what is forwarded is written from the parsed form: hop-by-hop fields and doubled hosts do not get through', async () => {
  const { port } = await echoing()
  const client = rawClient(port)
  client.send(
    'POST http://Shop/a?b HTTP/1.1\r\nhOST:\tShop \r\nConnection: close, x-gone, tokenward-subject\r\nX-Gone: 1\r\nTokenward-Subject: mallory\r\n' +
      'Keep-Alive: timeout=9\r\nUpgrade: h2c\r\nX-Kept: \t v \r\ntransfer-encoding: Chunked\r\n\r\n0\r\nTokenward-Actors: x\r\nX-T: 1\r\n\r\n',
  )
  const text = await client.ends()
  const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as { fields: string[] }
  expect(body).toMatchObject({ method: 'POST', url: '/a?b', trailers: ['X-T', '1'] })
  expect(body.fields).toEqual([
    'Host',
    'shop',
    'X-Kept',
    'v',
    'Tokenward-Subject',
    'alice',
    'Transfer-Encoding',
    'chunked',
  ])
})

test.each([
  ['a bare LF', 'GET / HTTP/1.1\nHost: a\n\n', '400', 'malformed_request'],
  ['TLS', '\x16\x03\x01\x02\x00\x01', '400', 'malformed_request'],
  ['a NUL in the middle', 'GET / HT\0', '400', 'malformed_request'],
  [
    'CL.TE',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n',
    '400',
    'malformed_request',
  ],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', '400', 'ambiguous_host'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '505', 'unsupported_version'],
  [
    'a head that is too large',
    `GET / HTTP/1.1\r\nHost: a\r\nX-A: ${'a'.repeat(33_000)}`,
    '431',
    'head_too_large',
  ],
])(
  '%s is refused at once and the connection closed, whatever is pipelined',
  async (_name, bytes, status, reason) => {
    const { port, refusals, outcomes } = await echoing()
    const client = rawClient(port)
    client.send(bytes + get('/after'))
    const text = await client.ends()
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text).toContain(`"reason":"${reason}"`)
    expect(text).toContain('Connection: close\r\n')
    expect(text.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
    expect(refusals).toEqual([reason])
    expect(outcomes).toEqual([])
  },
)

test('what can never become a head is refused before it ends', async () => {
  const { port } = await echoing()
  const client = rawClient(port)
  client.send('GET / HTTP/1.1\nHost: a\n\n')
  expect(await client.ends()).toContain('"reason":"malformed_request"')
})

test('what follows an offer to upgrade before its answer is not read as a request', async () => {
  const { port } = await echoing()
  const offer = get('/a', 'Connection: Upgrade\r\nUpgrade: websocket\r\n')
  const early = rawClient(port)
  early.send(offer + get('/early'))
  expect((await early.ends()).match(/HTTP\/1\.1 /g)).toHaveLength(1)
  const patient = rawClient(port)
  patient.send(offer)
  await patient.receives('"url":"/a"')
  patient.send(get('/later'))
  await patient.receives('"url":"/later"')
  patient.socket.destroy()
})

test('Expect: 100-continue passes through, and the body comes after the 100', async () => {
  const { port } = await echoing()
  const client = rawClient(port)
  client.send(
    'PUT /a HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n',
  )
  await client.receives('HTTP/1.1 100 Continue\r\n\r\n')
  client.send('hi')
  expect(await client.ends()).toContain('"body":"hi"')
})

test('a refusal comes before the body of a request that expects 100', async () => {
  const { port } = await echoing()
  const client = rawClient(port)
  client.send(
    'PUT /refused HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n',
  )
  const text = await client.ends()
  expect(text).toMatch(/^HTTP\/1\.1 401 /)
  expect(text).toContain('Connection: close\r\n')
  expect(text).not.toContain('100 Continue')
})

test('a refused request keeps the connection when its whole body is there, and closes it when not', async () => {
  const { port } = await echoing()
  const whole = rawClient(port)
  whole.send(
    `POST /refused HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n${get('/b')}`,
  )
  await whole.receives('"url":"/b"')
  whole.socket.destroy()
  const part = rawClient(port)
  part.send('POST /refused HTTP/1.1\r\nHost: shop\r\nContent-Length: 99\r\n\r\nhi')
  expect(await part.ends()).toContain('Connection: close\r\n')
})

test('HTTP/1.0 clients are served: closed after one answer, or kept where they ask for it', async () => {
  const { port } = await echoing()
  const once = rawClient(port)
  once.send('GET /a HTTP/1.0\r\n\r\n')
  const text = await once.ends()
  expect(text).toContain('Connection: close\r\n')
  expect(text).toContain(`"Host","127.0.0.1:${wire?.appPort}"`)
  const kept = rawClient(port)
  kept.send('GET /a HTTP/1.0\r\nHost: shop\r\nConnection: keep-alive\r\n\r\n')
  expect(await kept.receives('"url":"/a"')).toContain('Connection: keep-alive\r\n')
  kept.send('GET /b HTTP/1.0\r\nHost: shop\r\n\r\n')
  expect(await kept.ends()).toContain('"url":"/b"')
})

test('a verdict may come later; what is pipelined waits, and a client that goes away ends it', async () => {
  const waiting: (() => void)[] = []
  const { port, outcomes, proxy } = await echoing({
    judge: (_head, verdict) => new Promise((resolve) => waiting.push(() => resolve(verdict))),
  })
  const client = rawClient(port)
  client.send(get('/a') + get('/b'))
  await until('the first is judged', () => waiting.length === 1)
  waiting[0]?.()
  await client.receives('"url":"/a"')
  await until('the second is judged', () => waiting.length === 2)
  client.socket.resetAndDestroy()
  await until('the client is gone', () => proxy.stats.active === 0)
  waiting[1]?.()
  await until('its end is told', () => outcomes.length === 2)
  expect(outcomes[1]).toEqual({ status: 0, complete: false })
})

test.each([
  [
    'at once',
    () => {
      throw new Error('broken: secret-token')
    },
  ],
  ['later', () => Promise.reject(new Error('broken: secret-token'))],
])(
  'a handler that fails %s is a 500 without its words, and the connection closes',
  async (_name, judge) => {
    const { port } = await echoing({ judge })
    const client = rawClient(port)
    client.send(get('/a') + get('/b'))
    const text = await client.ends()
    expect(text).toMatch(/^HTTP\/1\.1 500 /)
    expect(text).toContain('"reason":"internal"')
    expect(text).not.toContain('secret-token')
    expect(text.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
  },
)

test.each([
  ['a line break', { added: ['X-A', 'a\r\nX-B: b'] }],
  ['a character whose lower byte is a line feed', { added: ['X-A', 'a\u010ab'] }],
  ['a space in the path', { path: '/a b' }],
])('a verdict with %s is a 500 and nothing is forwarded', async (_name, wrong) => {
  const { port, outcomes, proxy } = await echoing({
    judge: (_head, verdict) => (verdict.kind === 'forward' ? { ...verdict, ...wrong } : verdict),
  })
  const client = rawClient(port)
  client.send(get('/a'))
  expect(await client.ends()).toContain('"reason":"internal"')
  expect(outcomes).toEqual([{ status: 500, complete: false, reason: 'internal' }])
  expect(proxy.stats.upstreamConnections).toBe(0)
})

test('a verdict may add what a field value can hold, and it arrives byte for byte', async () => {
  const { port } = await echoing({
    judge: (_head, verdict) =>
      verdict.kind === 'forward' ? { ...verdict, added: ['X-A', '\xe9\ta'] } : verdict,
  })
  const client = rawClient(port)
  client.send(get('/a', 'Connection: close\r\n'))
  expect(Buffer.from(await client.ends(), 'latin1').toString()).toContain('"X-A","\xe9\\ta"')
})

test('a refusal that the handler throws is answered as such', async () => {
  const { port, refusals } = await echoing({
    judge: () => {
      throw new Refusal('no_policy_yet')
    },
  })
  const client = rawClient(port)
  client.send(get('/a'))
  expect(await client.receives('"reason":"no_policy_yet"')).toContain('Retry-After: 1\r\n')
  expect(refusals).toEqual(['no_policy_yet'])
  client.socket.destroy()
})

test('as a proxy it takes absolute URLs, and a node:http client reads its answers', async () => {
  const { port } = await echoing({ mode: 'forward-proxy' })
  const text = await new Promise<string>((resolve, reject) => {
    const asked = request({
      port,
      path: 'http://orders.shop:80/x?y',
      headers: { host: 'orders.shop' },
    })
    asked.on('response', (answer) => {
      let body = ''
      answer.on('data', (data: Buffer) => (body += data.toString()))
      answer.on('end', () => resolve(body))
    })
    asked.on('error', reject)
    asked.end()
  })
  expect(text).toContain('"url":"/x?y"')
  expect(text).toContain('"Host","orders.shop"')
})

import { request, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { rawClient, startWire, type RawClient, type Wire } from '../support/wire.ts'

let wire: Wire | undefined
afterEach(async () => {
  await wire?.close()
  wire = undefined
})

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: shop\r\n${more}\r\n`

/** An upstream that answers every head with `bytes`, then does `after`. */
async function answering(
  bytes: string,
  options: { after?: (socket: Socket) => void; limits?: object } = {},
): Promise<Wire> {
  wire = await startWire({
    raw: (socket) => {
      socket.on('data', (data) => {
        if (!data.includes('\r\n\r\n')) return
        socket.write(bytes, 'latin1')
        options.after?.(socket)
      })
    },
    limits: options.limits ?? {},
  })
  return wire
}

test.each([
  ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'Content-Length: 2\r\n\r\nhi'],
  [
    'chunks with trailers',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nhi\r\n0\r\nX-T: 1\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n',
  ],
  [
    '204',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
  ],
  [
    '304',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
  ],
  [
    'information before',
    'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  ],
  [
    'fields of one hop',
    'HTTP/1.1 200 OK\r\nConnection: keep-alive, x-a\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n',
  ],
])('an answer with %s is passed on, and the connections go on', async (_name, bytes, wanted) => {
  const { port, proxy } = await answering(bytes)
  const client = rawClient(port)
  client.send(get('/a'))
  await client.receives(wanted)
  client.send(get('/b'))
  await until(
    'the second answer',
    () =>
      client.text() ===
      client
        .text()
        .slice(0, client.text().length / 2)
        .repeat(2),
  )
  expect(proxy.stats).toMatchObject({ upstreamConnections: 1, upstreamReused: 1 })
  client.socket.destroy()
})

test('an answer to HEAD has the length and no body', async () => {
  const { port } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')
  const client = rawClient(port)
  client.send('HEAD /a HTTP/1.1\r\nHost: shop\r\n\r\n')
  await client.receives('Content-Length: 5\r\n\r\n')
  client.send(get('/refused', 'Connection: close\r\n').replace('GET', 'HEAD'))
  expect(await client.ends()).toMatch(/Connection: close\r\n\r\n$/)
})

test('an answer that ends by closing becomes chunks for HTTP/1.1 and a close for HTTP/1.0', async () => {
  const { port } = await answering('HTTP/1.1 200 OK\r\n\r\nhello', {
    after: (socket) => socket.end(),
  })
  const newer = rawClient(port)
  newer.send(get('/a'))
  expect(await newer.receives('0\r\n\r\n')).toContain(
    'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  )
  newer.socket.destroy()
  const older = rawClient(port)
  older.send('GET /a HTTP/1.0\r\n\r\n')
  expect(await older.ends()).toMatch(/Connection: close\r\n\r\nhello$/)
  expect(older.ended()).toBe('end')
})

test('information reaches no HTTP/1.0 client', async () => {
  const { port } = await answering(
    'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  )
  const client = rawClient(port)
  client.send('GET /a HTTP/1.0\r\n\r\n')
  expect(await client.ends()).toMatch(/^HTTP\/1\.1 200 /)
})

test('a chunked answer reaches an HTTP/1.0 client without chunks', async () => {
  const { port } = await answering(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
  )
  const client = rawClient(port)
  client.send('GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  expect(await client.ends()).toMatch(/Connection: close\r\n\r\nhi$/)
})

test.each([
  ['no HTTP', 'SSH-2.0-x\r\n\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na'],
  [
    'a length beside chunks',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
  ['an unasked change of protocol', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
  ['a head without end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(33_000)}`],
])('an upstream that answers %s is a 502', async (_name, bytes) => {
  const { port, refusals } = await answering(bytes)
  const client = rawClient(port)
  client.send(get('/a', 'Connection: close\r\n'))
  const text = await client.ends()
  expect(text).toMatch(/^HTTP\/1\.1 502 /)
  expect(text).toContain('"reason":"upstream_invalid"')
  expect(text).toContain('Tokenward-Decision: d2\r\n')
  expect(refusals).toEqual(['upstream_invalid'])
})

test('an upstream that closes before it answers is a 502, and one that is not there too', async () => {
  const { port, refusals } = await answering('', { after: (socket) => socket.end() })
  const client = rawClient(port)
  client.send(get('/a', 'Connection: close\r\n'))
  expect(await client.ends()).toContain('"reason":"upstream_unreachable"')
  await wire?.close()
  wire = await startWire({
    judge: (_head, verdict) =>
      verdict.kind === 'forward' ? { ...verdict, to: { host: '127.0.0.1', port: 1 } } : verdict,
  })
  const other = rawClient(wire.port)
  other.send(get('/a', 'Connection: close\r\n'))
  expect(await other.ends()).toContain('"reason":"upstream_unreachable"')
  expect([...refusals, ...wire.refusals]).toEqual(['upstream_unreachable', 'upstream_unreachable'])
})

test('what is pipelined after a request that the upstream fails is judged all the same', async () => {
  wire = await startWire({
    judge: (_head, verdict) =>
      verdict.kind === 'forward' ? { ...verdict, to: { host: '127.0.0.1', port: 1 } } : verdict,
  })
  const client = rawClient(wire.port)
  client.send(get('/a') + get('/refused', 'Connection: close\r\n'))
  expect((await client.ends()).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 502', 'HTTP/1.1 401'])
})

/** Waits for the client's end, which must not look like that of a whole answer. */
async function breaksOff(client: RawClient, outcomes: readonly object[]): Promise<void> {
  const text = await client.ends()
  expect(client.ended()).toBe('ECONNRESET')
  expect(text).not.toContain('0\r\n\r\n')
  await until('its end is told', () => outcomes.length === 1)
  expect(outcomes[0]).toMatchObject({ status: 200, complete: false })
}

const end = (socket: Socket): unknown => socket.end()
const reset = (socket: Socket): unknown => socket.resetAndDestroy()

test.each([
  ['of a length', 'Content-Length: 9\r\n\r\nhi', end],
  ['of chunks', 'Transfer-Encoding: chunked\r\n\r\n9\r\nhi', end],
  ['that ends by closing', '\r\nhi', reset],
])('a body %s that breaks off never looks whole to the client', async (_name, bytes, cut) => {
  const sockets: Socket[] = []
  const { port, outcomes } = await answering(`HTTP/1.1 200 OK\r\n${bytes}`, {
    after: (socket) => sockets.push(socket),
  })
  const client = rawClient(port)
  client.send(get('/a'))
  await client.receives('hi')
  sockets.forEach(cut)
  await breaksOff(client, outcomes)
})

test('a body with a broken chunk never looks whole to the client', async () => {
  const { port, outcomes } = await answering(
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhixx',
  )
  const client = rawClient(port)
  client.send(get('/a'))
  await breaksOff(client, outcomes)
})

test('bytes after an answer end the upstream connection and reach nobody', async () => {
  const { port, proxy } = await answering(
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
  )
  const client = rawClient(port)
  client.send(get('/a'))
  await client.receives('hi')
  client.send(get('/b', 'Connection: close\r\n'))
  expect(await client.ends()).not.toContain('evil')
  expect(proxy.stats).toMatchObject({ upstreamConnections: 2, upstreamReused: 0 })
})

test('bytes on an idle upstream connection end it', async () => {
  const sockets: Socket[] = []
  const { port, proxy } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', {
    after: (socket) => sockets.push(socket),
    limits: { poolIdleMs: 60_000 },
  })
  const client = rawClient(port)
  client.send(get('/a'))
  await client.receives('Content-Length: 0')
  sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
  await until(
    'the upstream connection ends',
    () => sockets[0]?.readableEnded === true || sockets[0]?.destroyed === true,
  )
  client.send(get('/b', 'Connection: close\r\n'))
  expect(await client.ends()).not.toContain('evil')
  expect(proxy.stats.upstreamConnections).toBe(2)
})

test('an idempotent request without a body is sent again when a kept connection turns out dead; a POST is not', async () => {
  let heads = 0
  wire = await startWire({
    raw: (socket) =>
      socket.on('data', () => {
        heads++
        if (heads % 2 === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        else socket.resetAndDestroy()
      }),
  })
  const client = rawClient(wire.port)
  client.send(get('/a'))
  await until('the first answer', () => wire?.outcomes.length === 1)
  client.send(get('/b'))
  await until('the second answer', () => wire?.outcomes.length === 2)
  expect(wire.outcomes).toEqual(Array(2).fill({ status: 200, complete: true }))
  expect(wire.proxy.stats.upstreamRetries).toBe(1)
  client.send('POST /c HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n')
  expect(await client.ends()).toContain('"reason":"upstream_unreachable"')
  expect(wire.proxy.stats.upstreamRetries).toBe(1)
})

test('an early answer is passed on while the body still comes, and the connection closes after it', async () => {
  const { port, outcomes } = await answering(
    'HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno',
  )
  const client = rawClient(port)
  client.send('POST /a HTTP/1.1\r\nHost: shop\r\nContent-Length: 1000000\r\n\r\nbegin')
  const text = await client.ends()
  expect(text).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close\r\n\r\nno$/)
  expect(client.ended()).toBe('end')
  expect(outcomes).toEqual([{ status: 413, complete: false }])
})

test('a client that half-closes gets its answers, pipelined ones too', async () => {
  const { port } = await answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi')
  const client = rawClient(port)
  client.socket.end(get('/a') + get('/b'))
  const text = await client.ends()
  expect(text.match(/hi/g)).toHaveLength(2)
  expect(client.ended()).toBe('end')
})

test('a body that the client breaks off never looks whole to the upstream', async () => {
  const seen: string[] = []
  wire = await startWire({
    app: (asked, answer) => {
      asked.on('data', (data: Buffer) => seen.push(data.toString()))
      asked.on('error', () => seen.push('error'))
      asked.on('end', () => seen.push('end'))
      answer.on('close', () => seen.push('closed'))
    },
  })
  const client = rawClient(wire.port)
  client.send('POST /a HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n')
  await until('the upstream has the first chunk', () => seen.includes('hello'))
  client.socket.end()
  expect(await client.ends()).toContain('"reason":"malformed_request"')
  await until('the upstream sees it', () => seen.includes('closed'))
  expect(seen).not.toContain('end')
})

test('a body that can never come, because the client had ended before its head was read, is refused', async () => {
  wire = await startWire({ app: (_asked, answer) => answer.end('hi') })
  const client = rawClient(wire.port)
  client.socket.end(`${get('/a')}POST /b HTTP/1.1\r\nHost: shop\r\nContent-Length: 5\r\n\r\nhe`)
  const text = await client.ends()
  expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
  expect(wire.outcomes.at(-1)).toEqual({
    status: 400,
    complete: false,
    reason: 'malformed_request',
  })
})

test('a client that goes away ends the upstream exchange', async () => {
  let gone = false
  wire = await startWire({
    app: (_asked, answer) => void answer.on('close', () => (gone = true)).write('begin'),
  })
  const client = rawClient(wire.port)
  client.send(get('/a'))
  await client.receives('begin')
  client.socket.resetAndDestroy()
  await until('the upstream sees it', () => gone)
  expect(wire.outcomes).toEqual([{ status: 200, complete: false }])
})

test('chunked bodies and trailers go both ways between node:http and node:http', async () => {
  wire = await startWire({
    app: (asked, answer) => {
      answer.writeHead(200, { trailer: 'x-count' })
      let count = 0
      asked.on('data', (data: Buffer) => {
        count += data.length
        answer.write(data)
      })
      asked.on('end', () => {
        answer.addTrailers({ 'x-count': String(count), 'x-from': String(asked.trailers['x-sent']) })
        answer.end()
      })
    },
  })
  const asked = request({
    port: wire.port,
    method: 'POST',
    path: '/a',
    headers: { trailer: 'x-sent' },
  })
  asked.addTrailers({ 'x-sent': 'yes' })
  for (let count = 0; count < 50; count++) asked.write('x'.repeat(count * 100))
  asked.end()
  const answer = await new Promise<IncomingMessage>((resolve) => asked.on('response', resolve))
  let length = 0
  for await (const data of answer) length += (data as Buffer).length
  expect(length).toBe(122_500)
  expect(answer.trailers).toEqual({ 'x-count': '122500', 'x-from': 'yes' })
})

import { request, type IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { rawClient, startWire, type Wire } from '../support/wire.ts'

let wire: Wire | undefined
afterEach(async () => {
  await wire?.close()
  wire = undefined
})

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: shop\r\n${more}\r\n`
const soon = { lingerMs: 50 }

test('a head that does not end in time is 408, however often a byte comes', async () => {
  wire = await startWire({ limits: { headMs: 100 } })
  const client = rawClient(wire.port)
  client.send('GET / HTTP/1.1\r\nHost: a\r\nX-A: ')
  const drip = setInterval(() => client.send('a'), 10)
  const answer = await client.ends()
  clearInterval(drip)
  expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*"reason":"request_timeout"/)
})

test('a connection that says nothing is closed without a word, new or kept', async () => {
  wire = await startWire({
    app: (_asked, answer) => answer.end('hi'),
    limits: { headMs: 80, idleMs: 80 },
  })
  const silent = rawClient(wire.port)
  expect(await silent.ends()).toBe('')
  const kept = rawClient(wire.port)
  kept.send(get('/a'))
  await kept.receives('hi')
  expect((await kept.ends()).match(/HTTP\//g)).toHaveLength(1)
})

test('a body that stalls is 408, and the upstream gives up', async () => {
  let gone = false
  wire = await startWire({
    app: (asked, answer) => {
      asked.on('error', () => undefined)
      answer.on('close', () => (gone = true))
    },
    limits: { stallMs: 100 },
  })
  const client = rawClient(wire.port)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab')
  expect(await client.ends()).toContain('"reason":"request_timeout"')
  await until('the upstream sees it', () => gone)
})

test('an upstream that does not answer is 504; a slow stream that has begun is left alone', async () => {
  wire = await startWire({
    app: (asked, answer) => {
      if (asked.url !== '/stream') return
      answer.write('begin')
      void delay(600).then(() => answer.end('end'))
    },
    limits: { responseMs: 250, idleMs: 250, headMs: 250, stallMs: 250 },
  })
  const client = rawClient(wire.port)
  client.send(get('/stream'))
  await client.receives('end')
  client.send(get('/never'))
  expect(await client.ends()).toContain('"reason":"upstream_timeout"')
})

test('the time to connect does not bound the answer', async () => {
  wire = await startWire({
    app: (_asked, answer) => void delay(600).then(() => answer.end('hi')),
    limits: { connectMs: 250, responseMs: 10_000 },
  })
  const client = rawClient(wire.port)
  client.send(get('/a', 'Connection: close\r\n'))
  expect(await client.ends()).toMatch(/hi$/)
})

test('a client that does not read is cut off', async () => {
  wire = await startWire({
    app: (_asked, answer) => {
      const write = (): void => {
        while (!answer.destroyed && answer.write(Buffer.alloc(65_536)));
      }
      answer.on('drain', write)
      answer.on('error', () => undefined)
      write()
    },
    limits: { stallMs: 150 },
  })
  const client = rawClient(wire.port)
  client.send(get('/a'))
  client.socket.pause()
  await until('the exchange is given up', () => wire?.outcomes.length === 1)
  expect(wire.outcomes[0]).toMatchObject({ complete: false, reason: 'upstream_timeout' })
  client.socket.destroy()
})

test('more connections than allowed are 503, and a place that is free again is given', async () => {
  wire = await startWire({ app: (_asked, answer) => answer.end('hi'), limits: { connections: 1 } })
  const first = rawClient(wire.port)
  first.send(get('/a'))
  await first.receives('hi')
  expect(await rawClient(wire.port).ends()).toContain('"reason":"overloaded"')
  first.socket.destroy()
  await until('the place is free', () => wire?.proxy.stats.active === 0)
  const second = rawClient(wire.port)
  second.send(get('/a'))
  await second.receives('hi')
  second.socket.destroy()
})

test('an idle upstream connection is used again in its time and ended after it', async () => {
  let open = 0
  wire = await startWire({
    app: (asked, answer) => {
      if (asked.url === '/first') asked.socket.on('close', () => open--)
      if (asked.url === '/first') open++
      answer.end('hi')
    },
    limits: { poolIdleMs: 600 },
  })
  const client = rawClient(wire.port)
  client.send(get('/first'))
  await client.receives('hi')
  client.send(get('/again'))
  await until('two answers', () => wire?.outcomes.length === 2)
  expect(wire.proxy.stats).toMatchObject({ upstreamConnections: 1, upstreamReused: 1 })
  await until('it is ended', () => open === 0)
  client.socket.destroy()
})

test('an upstream connection that is busy is used for its time, and then another', async () => {
  wire = await startWire({
    app: (_asked, answer) => answer.end('hi'),
    limits: { poolAgeMs: 200, sweepMs: 20 },
  })
  const { stats } = wire.proxy
  const client = rawClient(wire.port)
  let sent = 0
  await until('another connection', async () => {
    client.send(get('/a'))
    sent += 1
    await until('its answer', () => wire?.outcomes.length === sent)
    return stats.upstreamConnections === 2
  })
  expect(stats.upstreamReused).toBeGreaterThan(1)
  expect(wire.outcomes.every(({ complete }) => complete)).toBe(true)
  client.socket.destroy()
})

test('a server that keeps connections for a second only is not asked on a kept one', async () => {
  wire = await startWire({
    raw: (socket) =>
      socket.on('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n'),
      ),
  })
  const client = rawClient(wire.port)
  client.send(get('/a') + get('/b'))
  await until('two answers', () => wire?.outcomes.length === 2)
  expect(wire.proxy.stats).toMatchObject({ upstreamConnections: 2, upstreamReused: 0 })
  client.socket.destroy()
})

test('drain lets what runs end, closes what is idle and takes nothing new', async () => {
  let finish = (): void => undefined
  wire = await startWire({
    app: (asked, answer) => {
      if (asked.url === '/slow') finish = () => answer.end('done')
      else answer.end('hi')
    },
    limits: soon,
  })
  const idle = rawClient(wire.port)
  idle.send(get('/a'))
  await idle.receives('hi')
  const busy = rawClient(wire.port)
  busy.send(get('/slow') + get('/after'))
  await until('it runs', () => wire?.proxy.stats.requests === 2)
  let drained = false
  const drain = wire.proxy.drain(5_000).then(() => (drained = true))
  await idle.ends()
  expect(idle.ended()).toBe('end')
  expect(drained).toBe(false)
  const late = rawClient(wire.port)
  await late.ends()
  expect(late.ended()).toBe('ECONNREFUSED')
  finish()
  const answer = await busy.ends()
  expect(answer).toContain('Connection: close\r\n')
  expect(answer).toMatch(/done$/)
  await drain
})

test('drain breaks what does not end in its grace', async () => {
  wire = await startWire({ app: (_asked, answer) => void answer.write('begin') })
  const client = rawClient(wire.port)
  client.send(get('/a'))
  await client.receives('begin')
  await wire.proxy.drain(100)
  await client.ends()
  expect(client.ended()).toBe('ECONNRESET')
})

const total = 64 * 2 ** 20
/** What sockets of the kernel may hold on both hops; without back-pressure everything would have been sent. */
const held = 32 * 2 ** 20

/** Sends `total` bytes as fast as they are taken; tells how many were. */
function flood(writable: Writable, letter = 'a'): () => number {
  let sent = 0
  const write = (): void => {
    while (sent < total) {
      sent += 65_536
      if (!writable.write(Buffer.alloc(65_536, letter))) return
    }
    writable.end()
  }
  writable.on('drain', write)
  write()
  return () => sent
}

/** Waits until the number has not changed for a while. */
async function settled(count: () => number): Promise<number> {
  let last = -1
  let sinceMs = performance.now()
  await until('nothing more is taken', () => {
    const now = performance.now()
    if (count() !== last) sinceMs = now
    last = count()
    return last > 0 && now - sinceMs > 200
  })
  return last
}

async function lengthOf(readable: AsyncIterable<unknown>): Promise<number> {
  let length = 0
  for await (const data of readable) length += (data as Buffer).length
  return length
}

test('an upstream is not read further than a slow client reads', async () => {
  let sent = (): number => 0
  wire = await startWire({ app: (_asked, answer) => void (sent = flood(answer)) })
  const client = request({ port: wire.port, path: '/a', agent: false })
  client.end()
  const answer = await new Promise<IncomingMessage>((resolve) => client.on('response', resolve))
  expect(await settled(() => sent())).toBeLessThan(held)
  expect(await lengthOf(answer)).toBe(total)
})

test('a client is not read further than a slow upstream reads', async () => {
  let read = (): void => undefined
  wire = await startWire({
    app: (asked, answer) => {
      read = () => void lengthOf(asked).then((length) => answer.end(String(length)))
    },
  })
  const client = request({ port: wire.port, path: '/a', method: 'POST', agent: false })
  const sent = flood(client)
  expect(await settled(sent)).toBeLessThan(held)
  read()
  const answer = await new Promise<IncomingMessage>((resolve) => client.on('response', resolve))
  expect(Number(await text(answer))).toBe(total)
})

test('what waits for a slow client stays its own while another one is served', async () => {
  const sent: (() => number)[] = []
  wire = await startWire({
    app: (asked, answer) => sent.push(flood(answer, asked.url?.slice(1))),
  })
  const answerTo = async (path: string): Promise<IncomingMessage> => {
    const client = request({ port: wire?.port, path, agent: false })
    client.end()
    return new Promise((resolve) => client.on('response', resolve))
  }
  const slow = await answerTo('/s')
  await settled(() => sent[0]?.() ?? 0)
  expect(await lengthOf(await answerTo('/f'))).toBe(total)
  const letters = new Set<number>()
  for await (const data of slow) {
    letters.add((data as Buffer)[0] ?? 0)
    if (!(data as Buffer).every((byte) => byte === 0x73)) letters.add(0)
  }
  expect([...letters]).toEqual([0x73])
})

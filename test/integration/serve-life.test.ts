/** The server of room http: deadlines, back-pressure, drain, and certificates that change. */
import net from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { drain } from '../../pkg/http/listen.ts'
import { echo, newServing, serveHere, statuses, type ServedHere } from '../support/tls-server.ts'
import { until } from '../support/until.ts'

let served: ServedHere | undefined
afterEach(async () => served?.close())

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

test.each([
  ['a head', 'GET / HTTP/1.1\r\nHost'],
  ['a body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc'],
])('%s that does not end in time is answered 408 and closed', async (_, bytes) => {
  served = await serveHere(echo, { requestMs: 50 })
  const { text, closed } = await served.send(bytes)
  expect([statuses(text), closed]).toEqual([[408], true])
})

test('one that dribbles in is no exception', async () => {
  served = await serveHere(echo, { requestMs: 100 })
  const peer = await served.connect()
  const dribble = setInterval(() => peer.socket.write('X'), 10)
  peer.socket.write('GET / HTTP/1.1\r\nHost: a\r\nX: ')
  await until('it is closed', () => peer.isClosed())
  clearInterval(dribble)
  expect(statuses(peer.text())).toEqual([408])
})

test('a connection that says nothing is closed without an answer, and so is an idle one', async () => {
  served = await serveHere(echo, { requestMs: 50, idleMs: 50 })
  expect(await served.send('')).toEqual({ text: '', closed: true })
  const { text, closed } = await served.send(get('/'))
  expect([statuses(text), closed]).toEqual([[200], true])
})

test('a handshake that does not end is cut', async () => {
  served = await serveHere(echo, { handshakeMs: 50 })
  const socket = net.connect({ host: '127.0.0.1', port: served.port }).resume()
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('close', resolve))
})

test('who does not read the answers is not read', async () => {
  let judged = 0
  served = await serveHere(
    () => {
      judged += 1
      return { status: 200, fields: [], body: 'x'.repeat(1_000_000) }
    },
    { stallMs: 100 },
  )
  const peer = await served.connect()
  peer.socket.pause()
  peer.socket.write(get('/').repeat(1000))
  await until('an answer', () => judged > 0)
  const { server } = served
  const open = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
  await until('it is cut', async () => (await open()) === 0)
  expect(judged).toBeLessThan(100)
})

test('who sends faster than he is answered is not read ahead', async () => {
  let judged = 0
  let read = 0
  served = await serveHere(async (request) => {
    judged += 1
    await new Promise((resolve) => setImmediate(resolve))
    return echo(request)
  })
  served.server.on('secureConnection', (socket) =>
    socket.on('data', ({ length }) => (read += length)),
  )
  const peer = await served.connect()
  const sent = 10_000
  peer.socket.write(get('/').repeat(sent))
  await until('a thousand are judged', () => judged >= 1000)
  expect(read).toBeLessThan(judged * get('/').length + 160 * 1024)
  await until('all are judged', () => judged === sent)
  peer.socket.write(get('/after'))
  await until('and what comes later', () => peer.text().endsWith('GET /after '))
})

test('a drain lets what is under way end, says so, and cuts the rest', async () => {
  const gate = Promise.withResolvers<void>()
  let under = false
  served = await serveHere(async (request) => {
    under = true
    await gate.promise
    return echo(request)
  })
  const idle = await served.connect()
  const busy = await served.connect()
  const shaking = net.connect({ host: '127.0.0.1', port: served.port }).resume()
  shaking.on('error', () => undefined)
  busy.socket.write(get('/busy'))
  await until('it is under way', () => under)
  const drained = drain(served.server, 500)
  await until('the idle one is closed', () => idle.isClosed())
  expect(busy.isClosed()).toBe(false)
  gate.resolve()
  await drained
  await until('the busy one is closed', () => busy.isClosed())
  expect(busy.text()).toMatch(/Connection: close[^]*GET \/busy/)
})

test('a drain does not wait longer than it may', async () => {
  served = await serveHere(() => new Promise(() => undefined))
  const stuck = await served.connect()
  stuck.socket.write(get('/'))
  await drain(served.server, 50)
  await until('it is cut', () => stuck.isClosed())
})

test('another certificate is for new connections, and the open ones go on', async () => {
  served = await serveHere()
  const serialOf = ({ socket }: { socket: { getPeerCertificate(): { serialNumber: string } } }) =>
    socket.getPeerCertificate().serialNumber
  const before = await served.connect()
  const old = serialOf(before)
  served.server.serveWith(newServing())
  const after = await served.connect()
  expect(serialOf(after)).not.toBe(old)
  for (const { socket } of [before, after]) socket.write(get('/on'))
  await until('both are answered', () =>
    [before, after].every((peer) => peer.text().includes('GET /on')),
  )
})

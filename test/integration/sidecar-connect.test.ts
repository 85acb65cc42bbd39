/** CONNECT to the sidecar as an HTTP proxy (RFC 9110 9.3.6). */
import { afterEach, expect, test } from 'vitest'
import {
  closeAll,
  get,
  last,
  metric,
  route,
  start,
  startHttp,
  startRaw,
} from '../support/redirected-sidecar.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

test('CONNECT to a target: TLS goes through and is counted', async () => {
  const port = await startRaw((socket) => socket.pipe(socket))
  const one = await start([{ route: route('payments', 443), port }], { explicit: true })
  const client = one.out()
  client.send('CONNECT Payments.shop:443 HTTP/1.1\r\nHost: payments.shop:443\r\n\r\n')
  await client.receives('HTTP/1.1 200 Connection Established\r\n\r\n')
  client.send('\x16\x03\x01')
  client.socket.end()
  expect(await client.ends()).toMatch(/\r\n\r\n\x16\x03\x01$/)
  expect(await metric(one, 'app_tls_total')).toBe(1)
})

test('CONNECT to a target: HTTP in the tunnel gets its token', async () => {
  const port = await startHttp()
  const one = await start([{ route: route('payments', 80), port }], { explicit: true })
  const client = one.out()
  client.send('CONNECT payments:80 HTTP/1.1\r\nHost: payments:80\r\n\r\n' + get('payments'))
  expect(await client.ends()).toMatch(/200 Connection Established\r\n\r\nHTTP\/1.1 200/)
  expect(last().authorization).toBe('Bearer for-http://payments')
})

test('CONNECT to a stranger is tunnelled, and refused where the pod says deny', async () => {
  const port = await startRaw((socket) => socket.pipe(socket))
  const said = `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
  const open = (await start([], { explicit: true })).out()
  open.send(said)
  open.send('\x16\x03\x01')
  await open.receives('\x16\x03\x01')
  const closed = (await start([], { explicit: true, unmatched: 'deny' })).out()
  closed.send(said)
  expect(await closed.ends()).toMatch(/^HTTP\/1.1 403[^]*unmatched_denied/)
})

test('CONNECT to our own port is no way to come back', async () => {
  const one = await start([], { explicit: true })
  const { port } = one.ports.admin
  const client = one.out()
  client.send(`CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01`)
  expect(await client.ends()).not.toContain('\x16')
  expect(await metric(one, 'spliced_total')).toBe(0)
})

test.each([
  ['a path', 'CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a head that does not end', `CONNECT a:1 HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`],
])('CONNECT with %s is refused', async (_, said) => {
  const client = (await start([], { explicit: true })).out()
  client.send(said)
  expect(await client.ends()).toMatch(/^HTTP\/1.1 (400|431|501)/)
})

test('a proxy request that comes in pieces is read like a whole one', async () => {
  const port = await startHttp()
  const one = await start([{ route: route('payments', 80), port }], { explicit: true })
  const client = one.out()
  for (const piece of [
    'G',
    'ET http://payments/x HT',
    'TP/1.1\r\nHost: payments\r\nConnection: close\r\n\r\n',
  ]) {
    client.send(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(await client.ends()).toMatch(/^HTTP\/1.1 200/)
  expect(last().authorization).toBe('Bearer for-http://payments')
})

test('who is refused and does not close is closed', async () => {
  const limits = { lingerMs: 20 }
  const one = await start([], { explicit: true, unmatched: 'deny', limits })
  const client = one.out()
  client.socket.removeAllListeners('end')
  client.send('CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n\r\n')
  await client.receives('unmatched_denied')
  await until('it is gone', async () => (await metric(one, 'connections')) === 0)
})

test.each([
  ['an unfinished CONNECT', 'CONNECT far.exam'],
  ['a refused one that does not close', 'CONNECT far.example:443 HTTP/1.1\r\nHost: x\r\n\r\n'],
])('a drain does not wait longer than it may for %s', async (_, said) => {
  const one = await start([], { explicit: true, unmatched: 'deny' })
  const client = one.out()
  client.socket.removeAllListeners('end')
  client.send(said)
  await until('it is there', async () => (await metric(one, 'connections')) === 1)
  await expect(one.sidecar.close(50)).resolves.toBeUndefined()
})

/** Connections of an app that are redirected: where they were going is handed in by the test. */
import { afterEach, expect, test } from 'vitest'
import {
  closeAll,
  closing,
  get,
  last,
  lines,
  metric,
  ours,
  route,
  start,
  startHttp,
  startRaw,
  told,
} from '../support/redirected-sidecar.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

test('the original destination chooses the route, and Host chooses nothing', async () => {
  const port = await startHttp()
  const one = await start([{ route: route('payments', 80), port }])
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send(get('elsewhere.example'))
  expect(await client.ends()).toMatch(/^HTTP\/1.1 200/)
  expect(last().authorization).toBe('Bearer for-http://payments')
  expect(last().host).toBe('elsewhere.example')
})

test('a Host that names a target brings no token to another destination', async () => {
  const port = await startHttp()
  const one = await start([{ route: route('payments', 80), port: 9 }])
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send(get('payments.shop', '/', ours))
  await client.ends()
  expect(last().authorization).toBeUndefined()
  expect(last()['tokenward-handle']).toBeUndefined()
  expect(await metric(one, 'unmatched_total')).toBe(1)
})

test.each([
  ['payments', 'Bearer for-http://payments'],
  ['orders.shop', 'Bearer for-http://orders'],
])('where two targets share an address, Host %s chooses one of them', async (host, token) => {
  const port = await startHttp()
  const targets = ['payments', 'orders'].map((name) => ({ route: route(name, 80), port }))
  const one = await start(targets)
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send(get(host))
  await client.ends()
  expect(last().authorization).toBe(token)
})

test('where two targets share an address and Host names neither, the call is refused', async () => {
  const port = await startHttp()
  const targets = ['payments', 'orders'].map((name) => ({ route: route(name, 80), port }))
  const one = await start(targets)
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send(get('elsewhere'))
  expect(await client.ends()).toMatch(/^HTTP\/1.1 403[^]*ambiguous_target/)
  expect(told.heard).toHaveLength(0)
})

test('each request of a connection is judged by itself', async () => {
  const port = await startHttp()
  const one = await start([{ route: route('payments', 80), port }])
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send('GET /a HTTP/1.1\r\nHost: x\r\n\r\n' + get('x', '/b'))
  await client.ends()
  expect(told.heard.map(({ url }) => url)).toEqual(['/a', '/b'])
  expect(told.heard.every(({ headers }) => headers.authorization !== undefined)).toBe(true)
})

test('unmatched HTTP is refused where the pod says deny, and matched HTTP is not', async () => {
  const port = await startHttp()
  const one = await start([{ route: route('payments', 80), port }], { unmatched: 'deny' })
  const stranger = await startHttp()
  told.going = { host: '127.0.0.1', port: stranger }
  const refused = one.out()
  refused.send(get('x'))
  expect(await refused.ends()).toMatch(/^HTTP\/1.1 403[^]*unmatched_denied/)
  told.going = { host: '127.0.0.1', port }
  const allowed = one.out()
  allowed.send(get('x'))
  expect(await allowed.ends()).toMatch(/^HTTP\/1.1 200/)
})

test('what the app says to a proxy of its own goes there as a whole URL', async () => {
  const port = await startHttp()
  const one = await start([])
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send(get('far.example', 'http://far.example/a?b=c', ours))
  await client.ends()
  expect(told.heard.at(-1)?.url).toBe('http://far.example/a?b=c')
  expect(last()['tokenward-handle']).toBeUndefined()
})

test('a server that speaks first is heard, whether the app is silent or not', async () => {
  const port = await startRaw((socket) => {
    socket.write('220 ready\r\n')
    socket.on('data', (bytes) => socket.end(`250 ${bytes.toString()}`))
  })
  const one = await start([])
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  await client.receives('220 ready\r\n')
  client.send('HELO me\r\n')
  expect(await client.ends()).toBe('220 ready\r\n250 HELO me\r\n')
  expect(await metric(one, 'spliced_total')).toBe(1)
})

test.each([
  ['TLS', '\x16\x03\x01\x00\x05hello'],
  ['a protocol of bytes', '\x00\x01\x02\x03\r\n\r\n'],
  ['a protocol of words', 'get key\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a few bytes and the end', 'x'],
])('%s to a stranger goes on untouched, both ways and to the end', async (_, said) => {
  const port = await startRaw((socket) => socket.pipe(socket))
  const one = await start([])
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send(said)
  client.socket.end()
  expect(await client.ends()).toBe(said)
})

test('much of it is carried whole', async () => {
  const port = await startRaw((socket) => socket.pipe(socket))
  const one = await start([])
  told.going = { host: '127.0.0.1', port }
  const said = '\x16\x03' + 'x'.repeat(8 * 1024 * 1024)
  const client = one.out()
  client.send(said)
  client.socket.end()
  expect((await client.ends()).length).toBe(said.length)
})

test('TLS to a target goes on without a token, is counted each time and warned of once', async () => {
  const port = await startRaw((socket) => socket.pipe(socket))
  const one = await start([{ route: route('payments', 80), port }])
  told.going = { host: '127.0.0.1', port }
  for (let at = 0; at < 2; at += 1) {
    const client = one.out()
    client.send('\x16\x03\x01')
    client.socket.end()
    expect(await client.ends()).toBe('\x16\x03\x01')
  }
  expect(await metric(one, 'app_tls_total')).toBe(2)
  expect(lines.filter((line) => line.includes('the app speaks TLS'))).toHaveLength(1)
})

test('HTTP/2 to a target is refused with its reason, for it would get there without a token', async () => {
  const port = await startHttp()
  const one = await start([{ route: route('payments', 80), port }])
  told.going = { host: '127.0.0.1', port }
  const client = one.out()
  client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  expect(await client.ends()).toMatch(/^HTTP\/1.1 505/)
})

test('a destination that is not there: the app that waits is cut off, HTTP has an answer', async () => {
  const port = await startHttp()
  closing.pop()?.()
  const one = await start([])
  told.going = { host: '127.0.0.1', port }
  const silent = one.out()
  expect(await silent.ends()).toBe('')
  const asking = one.out()
  asking.send(get('x'))
  expect(await asking.ends()).toMatch(/^HTTP\/1.1 502/)
})

test.each([
  ['was not redirected', undefined],
  ['was going to a port of the sidecar', { host: '127.0.0.1', port: 15402 }],
])('a connection that %s is closed without a word', async (_, to) => {
  const one = await start([])
  told.going = to
  const client = one.out()
  client.send(get('x'))
  expect(await client.ends()).toBe('')
  expect(await metric(one, 'strayed_total')).toBe(1)
})

test('what stands open is ended when the sidecar stops', async () => {
  const port = await startRaw((socket) => socket.resume())
  const one = await start([])
  told.going = { host: '127.0.0.1', port }
  const spliced = one.out()
  spliced.send('\x16\x03\x01')
  await until('it is spliced', async () => (await metric(one, 'spliced_total')) === 1)
  const silent = one.out()
  await until('both are open', async () => (await metric(one, 'connections')) === 2)
  await one.sidecar.close(50)
  await spliced.ends()
  await silent.ends()
})

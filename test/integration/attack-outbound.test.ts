import http from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startShop, type Shop, type Workload } from '../support/shop-sidecars.ts'
import { rawClient } from '../support/wire.ts'

let shop: Shop
let web: Workload
let orders: Workload
let stranger: http.Server
const strange: string[][] = []

beforeAll(async () => {
  shop = await startShop()
  web = shop.workloads['web'] as Workload
  orders = shop.workloads['orders'] as Workload
  stranger = http.createServer((request, response) => {
    strange.push(request.rawHeaders.map((text) => text.toLowerCase()))
    response.end('stranger')
  })
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  shop.apply()
})
afterAll(async () => {
  stranger.close()
  stranger.closeAllConnections()
  await shop.close()
})
beforeEach(() => {
  strange.length = 0
  orders.heard.length = 0
})

async function ask(host: string, line = 'GET /policy'): Promise<string> {
  const client = rawClient(web.ports.outbound?.port ?? 0)
  client.send(
    `${line} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${shop.alice()}\r\nConnection: close\r\n\r\n`,
  )
  return client.ends()
}

const spellings = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '2130706433',
  '0x7f000001',
  '017700000001',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  'localhost',
  'LOCALHOST.',
]

test.each(spellings)('the sidecar’s own ports are out of reach as %s', async (host) => {
  const { admin, outbound } = web.ports
  for (const port of [admin.port, outbound?.port]) {
    expect(await ask(`${host}:${port}`)).toContain('"reason":"loop_detected"')
  }
})

test.each(spellings)('a stranger at %s gets no token of the user', async (host) => {
  const { port } = stranger.address() as { port: number }
  expect(await ask(`${host}:${port}`)).toContain('stranger')
  expect(strange).toHaveLength(1)
  expect(strange[0]).not.toContain('authorization')
})

test.each(spellings)(
  'a target whose port is dialled at %s gets a token of its own or none',
  async (host) => {
    const line = 'POST /orders'
    await ask(`${host}:${orders.ports.inbound[0]?.port ?? 0}`, line)
    for (const { headers } of orders.heard) expect(headers['tokenward-subject']).toBe('corp:alice')
  },
)

test.each([
  ['user information', 'a@orders.shop'],
  ['a port of zeros', 'orders.shop:0080'],
  ['no port after the colon', 'orders.shop:'],
  ['two ports', 'orders.shop:80:80'],
  ['a port that is none', 'orders.shop:80@x'],
  ['an encoded dot', 'orders%2eshop'],
  ['a wide dot', 'orders\u00b7shop'],
  ['a path', 'orders.shop/'],
  ['a fragment', 'orders.shop#'],
  ['a list', 'orders.shop, stranger.example'],
  ['an address without brackets', '::1'],
  ['a zone', '[fe80::1%25lo]'],
])('a host with %s is nobody’s', async (_, host) => {
  expect(await ask(host, 'POST /orders')).toMatch(/^HTTP\/1\.1 400 /)
  expect(orders.heard).toEqual([])
})

test.each([
  ['another host than the URL', 'POST http://orders.shop/orders', 'stranger.example'],
  [
    'the URL’s host with user information',
    'POST http://orders.shop@stranger.example/orders',
    'orders.shop',
  ],
  ['a URL without a host', 'POST http:///orders', 'orders.shop'],
  ['a backslash', 'POST http://orders.shop\\@stranger.example/orders', 'orders.shop'],
])('%s is a refusal', async (_, line, host) => {
  expect(await ask(host, line)).toMatch(/^HTTP\/1\.1 400 /)
  expect(orders.heard).toEqual([])
})

test.each([
  ['a URL', 'POST http://orders.shop/orders', 'ORDERS.shop:80'],
  ['a path', 'POST /orders', 'orders.shop.'],
])('the same target, plainly named by %s, is reached for the user', async (_, line, host) => {
  expect(await ask(host, line)).toMatch(/^HTTP\/1\.1 200 /)
  expect(orders.last().headers['tokenward-subject']).toBe('corp:alice')
})

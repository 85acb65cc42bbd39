import type http from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { call, startShop, type Shop, type Workload } from '../support/shop-sidecars.ts'
import { identity } from '../support/world.ts'
import { until } from '../support/until.ts'
import { rawClient } from '../support/wire.ts'

let shop: Shop
let web: Workload
let orders: Workload

beforeAll(async () => {
  shop = await startShop()
  web = shop.workloads['web'] as Workload
  orders = shop.workloads['orders'] as Workload
})
afterAll(() => shop.close())
beforeEach(() => {
  shop.apply()
  web.serve((_, response) => response.end('ok'))
})

const inbound = (workload: Workload): number => workload.ports.inbound[0]?.port ?? 0

/** What the strictest tracing libraries pass on: all of a trace context, or nothing of its state. */
function strictly({ traceparent, tracestate }: http.IncomingHttpHeaders): http.OutgoingHttpHeaders {
  if (
    typeof traceparent !== 'string' ||
    !/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/.test(traceparent)
  ) {
    return {}
  }
  const members = String(tracestate).split(',')
  const keys = members.map((member) => member.slice(0, member.indexOf('=')))
  const whole =
    String(tracestate).length <= 512 &&
    members.length <= 32 &&
    new Set(keys).size === keys.length &&
    members.every((member) => /^[a-z][a-z0-9_*/-]*=[!-+\--<>-~]+$/.test(member))
  return whole ? { traceparent, tracestate: String(tracestate) } : { traceparent }
}

const parent = '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7'
const plain = `00-${parent}-01`

test.each([
  ['nothing', {}],
  ['a trace of others', { traceparent: plain, tracestate: 'a=1,b=2' }],
  ['a member of 500 characters', { traceparent: plain, tracestate: `a=${'x'.repeat(500)}` }],
  ['forty members', { traceparent: plain, tracestate: Array(40).fill('a=1').join(',') }],
  ['members in upper case', { traceparent: plain, tracestate: 'A=1,B=2' }],
  ['members without values', { traceparent: plain, tracestate: 'a,b' }],
  ['one key twice, in two fields', { traceparent: plain, tracestate: ['a=1', 'a=2'] }],
  ['a key of ours in disguise', { traceparent: plain, tracestate: ' TOKENWARD = x' }],
  ['a later version', { traceparent: `01-${parent}-01-more`, tracestate: 'a=1' }],
  ['unknown flags', { traceparent: `00-${parent}-ff`, tracestate: 'a=1' }],
  ['two parents', { traceparent: [plain, plain], tracestate: 'a=1' }],
  ['a parent of zeros', { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }],
  ['a wish to have it removed', { connection: 'traceparent, tracestate, tokenward-handle' }],
])('a caller that sends %s does not make the app act as itself', async (_, headers) => {
  web.serve((request, response) => {
    const ask = { method: 'POST', path: '/orders', headers: strictly(request.headers) }
    call({ port: web.ports.outbound?.port ?? 0, via: 'orders.shop' }, ask).then(
      ({ status }) => response.writeHead(status).end(),
      () => response.destroy(),
    )
  })
  const authorization = `Bearer ${shop.alice()}`
  const answer = await call({ port: inbound(web) }, { headers: { ...headers, authorization } })
  expect(answer.status).toBe(200)
  expect(orders.last().headers).toMatchObject({
    'tokenward-subject': 'corp:alice',
    'tokenward-caller': identity('web'),
  })
})

test('each request of one connection is judged by the policy of its time', async () => {
  const client = rawClient(inbound(web))
  const request = `GET / HTTP/1.1\r\nHost: web\r\nAuthorization: Bearer ${shop.alice()}\r\n\r\n`
  const open = 'GET /healthz HTTP/1.1\r\nHost: web\r\n\r\n'
  client.send(request)
  await client.receives('200 OK')
  shop.apply((world) => ({ ...world, policies: [] }))
  client.send(request + open)
  await client.receives('"reason":"no_policy"')
  shop.apply()
  client.send(`${open}${request}${open.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`)
  const statuses = (await client.ends()).match(/HTTP\/1\.1 \d+/g)
  expect(statuses).toEqual(['200', '403', '403', '200', '200', '200'].map((s) => `HTTP/1.1 ${s}`))
})

test('a policy that is swapped between head and body changes nothing of that request', async () => {
  let heads = 0
  web.serve((request, response) => {
    heads += 1
    request.resume().on('end', () => response.end('all of it'))
  })
  const client = rawClient(inbound(web))
  client.send(
    `POST / HTTP/1.1\r\nHost: web\r\nAuthorization: Bearer ${shop.alice()}\r\nContent-Length: 4\r\n\r\nab`,
  )
  await until('the head is at the app', () => heads === 1)
  shop.apply((world) => ({ ...world, policies: [] }))
  client.send('cd')
  await client.receives('all of it')
  client.send('GET /healthz HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n')
  expect((await client.ends()).match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403'])
})

test.each([
  ['its path in the query', 'GET /?/healthz', 401],
  ['its path in an encoded query', 'GET /%3F/healthz', 401],
  ['an encoded question mark behind it', 'GET /healthz%3F', 401],
  ['an encoded space behind it', 'GET /healthz%20', 401],
  ['an encoded line break behind it', 'GET /healthz%0a', 400],
  ['a slash behind it', 'GET /healthz/', 401],
  ['a parameter', 'GET /healthz;a', 400],
  ['a fragment', 'GET /healthz#', 400],
  ['two slashes', 'GET //healthz', 400],
  ['upper case', 'GET /HEALTHZ', 401],
  ['another method', 'HEAD /healthz', 401],
  ['a method in lower case', 'get /healthz', 501],
  ['the asterisk', 'OPTIONS *', 400],
  ['another host in the URL', 'GET http://other/healthz', 400],
  ['itself', 'GET /healthz', 200],
  ['itself with a letter encoded', 'GET /%68ealthz', 200],
  ['itself as a URL', 'GET http://WEB/healthz?/admin', 200],
])('the public path, asked for with %s', async (_, line, status) => {
  const client = rawClient(inbound(web))
  client.send(`${line} HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n`)
  expect(await client.ends()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
})

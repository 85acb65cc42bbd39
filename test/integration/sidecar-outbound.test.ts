import http from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { call, startShop, type Answer, type Shop, type Workload } from '../support/shop-sidecars.ts'
import { audience, identity, policy, target } from '../support/world.ts'

let shop: Shop
let web: Workload
let orders: Workload
let payments: Workload
let stranger: http.Server
const strange: http.IncomingMessage[] = []

beforeAll(async () => {
  shop = await startShop({ handleLingerMs: 100, routes: { orders: ['shop/payments:http'] } })
  web = shop.workloads['web'] as Workload
  orders = shop.workloads['orders'] as Workload
  payments = shop.workloads['payments'] as Workload
  stranger = http.createServer((request, response) => {
    strange.push(request)
    response.end('stranger')
  })
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  shop.name('stranger.example:80', `127.0.0.1:${strangerPort()}`)
})
afterAll(async () => {
  stranger.close()
  stranger.closeAllConnections()
  await shop.close()
})
beforeEach(() => {
  shop.apply()
  for (const workload of [web, orders, payments])
    workload.serve((_, response) => response.end('ok'))
})

const strangerPort = (): number => (stranger.address() as { port: number }).port

type Ask = Parameters<typeof call>[1]

/** Runs `during` while a request of alice is under way at web (at orders: through web's sidecar). */
async function duringRequest(
  workload: Workload,
  during: (headers: http.IncomingHttpHeaders) => Promise<Answer>,
): Promise<Answer> {
  let answer: Promise<Answer> | undefined
  workload.serve((request, response) => {
    answer = during(request.headers)
    answer.then(
      () => response.end(),
      () => response.destroy(),
    )
  })
  const authorization = `Bearer ${shop.alice()}`
  await (workload === web
    ? call({ port: web.ports.inbound[0]?.port ?? 0 }, { headers: { authorization } })
    : callFrom(web, 'orders.shop', { method: 'POST', path: '/orders', headers: { authorization } }))
  if (answer === undefined) throw new Error('the request did not arrive')
  return answer
}

const callFrom = (from: Workload, via: string, ask: Ask = {}): Promise<Answer> =>
  call({ port: from.ports.outbound?.port ?? 0, via }, ask)
const order = { method: 'POST', path: '/orders' } as const

test.each([
  [
    'the Authorization that came in',
    ({ authorization }: http.IncomingHttpHeaders) => ({ authorization }),
  ],
  [
    'the trace context',
    ({ traceparent, tracestate }: http.IncomingHttpHeaders) => ({ traceparent, tracestate }),
  ],
  [
    'the handle by name',
    (headers: http.IncomingHttpHeaders) => ({ 'tokenward-handle': headers['tokenward-handle'] }),
  ],
] as const)('%s says for whom the call is made', async (_, evidence) => {
  const answer = await duringRequest(web, (headers) =>
    callFrom(web, 'orders.shop', {
      ...order,
      headers: evidence(headers) as http.OutgoingHttpHeaders,
    }),
  )
  expect(answer).toMatchObject({ status: 200, text: 'ok' })
  expect(orders.last().headers).toMatchObject({
    'tokenward-subject': 'corp:alice',
    'tokenward-caller': identity('web'),
    'tokenward-scope': 'orders:create',
    host: 'orders.shop',
  })
})

test('without evidence it acts as itself where the policy lets it', async () => {
  expect(await callFrom(web, 'orders.shop', order)).toMatchObject({ status: 200 })
  expect(orders.last().headers).toMatchObject({ 'tokenward-subject': identity('web') })
  expect(orders.last().headers['tokenward-actors']).toBeUndefined()
})

test('exactly the scopes of the operation are asked for', async () => {
  await callFrom(web, 'orders.shop', { path: '/orders/7' })
  expect(shop.authority.audits.at(-1)).toMatchObject({
    scope: 'orders:read',
    audience: audience('orders'),
  })
})

test('a handle does not outlive its request', async () => {
  let kept: http.IncomingHttpHeaders = {}
  await duringRequest(web, (headers) => {
    kept = headers
    return callFrom(web, 'orders.shop', order)
  })
  const headers = { 'tokenward-handle': kept['tokenward-handle'] }
  await expect
    .poll(() => callFrom(web, 'orders.shop', { ...order, headers }))
    .toMatchObject({ status: 403, reason: 'subject_expired' })
})

test('a handle opens nothing in another pod', async () => {
  const answer = await duringRequest(web, (headers) =>
    callFrom(orders, 'payments.shop', {
      method: 'POST',
      path: '/charges',
      headers: { tracestate: headers.tracestate as string },
    }),
  )
  expect(answer).toMatchObject({ status: 403, reason: 'subject_unknown' })
})

test.each([
  ['a method without a rule', { method: 'DELETE', path: '/orders' }, 403, 'no_rule'],
  ['a path without a rule', { path: '/admin' }, 403, 'no_rule'],
  ['an ambiguous path', { path: '/orders/%2e%2e/x' }, 400, 'ambiguous_path'],
  [
    'a handle that nobody gave',
    { ...order, headers: { tracestate: 'tokenward=guess' } },
    403,
    'subject_unknown',
  ],
  [
    'two credentials',
    { ...order, headers: { authorization: ['Basic a', 'Basic b'] } },
    400,
    'two_tokens',
  ],
] as const)('%s is refused before it leaves', async (_, ask, status, reason) => {
  const heard = orders.heard.length
  const asked = shop.authority.audits.length
  expect(await callFrom(web, 'orders.shop', ask as Ask)).toMatchObject({ status, reason })
  expect(orders.heard).toHaveLength(heard)
  expect(shop.authority.audits).toHaveLength(asked)
})

test('where a user is demanded and there is none the call does not leave', async () => {
  const answer = await callFrom(orders, 'payments.shop', { method: 'POST', path: '/charges' })
  expect(answer).toMatchObject({ status: 403, reason: 'delegation_required' })
  expect(JSON.parse(answer.text)).toMatchObject({ policy: 'shop/payments', rule: 'orders-charges' })
})

test('a public operation gets no token, whoever asks', async () => {
  const answer = await duringRequest(orders, ({ authorization, tracestate }) =>
    callFrom(orders, 'payments.shop', {
      path: '/healthz',
      headers: { authorization: authorization as string, tracestate: tracestate as string },
    }),
  )
  expect(answer).toMatchObject({ status: 200 })
  expect(payments.last().headers.authorization).toBeUndefined()
})

test('a credential of the app goes out as it is, and the target judges it', async () => {
  const answer = await callFrom(web, 'orders.shop', {
    ...order,
    headers: { authorization: 'Basic eDp5' },
  })
  // From the target's sidecar: it heard a scheme that is not its own.
  expect(answer).toMatchObject({ status: 401, reason: 'no_token' })
  expect(await web.metrics()).toMatch(/own_credential_total [1-9]/)
})

test('where the policy forbids delegation it acts as itself even for a user', async () => {
  shop.apply((world) => ({
    ...world,
    policies: world.policies.map((one) =>
      one.metadata.name === 'orders'
        ? policy('shop', 'orders', {
            targetRefs: [target('orders')],
            rules: [
              { name: 'own', from: [{ serviceAccount: { name: 'web' } }], delegation: 'Forbidden' },
            ],
          })
        : one,
    ),
  }))
  const answer = await duringRequest(web, ({ tracestate }) =>
    callFrom(web, 'orders.shop', { ...order, headers: { tracestate: tracestate as string } }),
  )
  expect(answer).toMatchObject({ status: 200 })
  expect(orders.last().headers).toMatchObject({ 'tokenward-subject': identity('web') })
  await expect.poll(() => web.lines.join('')).toContain('"cause":"forbidden"')
})

test('an edge that is taken away refuses at once, whatever is cached', async () => {
  expect(await callFrom(web, 'orders.shop', order)).toMatchObject({ status: 200 })
  shop.apply((world) => ({
    ...world,
    policies: world.policies.filter(({ metadata }) => metadata.name !== 'orders'),
  }))
  const heard = orders.heard.length
  const answer = await callFrom(web, 'orders.shop', order)
  expect(answer.status).not.toBe(200)
  expect(orders.heard).toHaveLength(heard)
})

test.each([
  ['its full name', 'orders.shop.svc.cluster.local'],
  ['with a dot at its end', 'orders.shop.'],
  ['in capitals', 'ORDERS.Shop'],
  ['with its port', 'orders.shop:80'],
  ['its short name', 'orders'],
])('a target is found by %s', async (_, via) => {
  expect(await callFrom(web, via, order)).toMatchObject({ status: 200 })
  expect(orders.last().headers['tokenward-caller']).toBe(identity('web'))
})

test('another port of the same name is a stranger', async () => {
  const heard = orders.heard.length
  expect(await callFrom(web, `orders.shop:${strangerPort()}`, order)).toMatchObject({
    status: 502,
    reason: 'upstream_unreachable',
  })
  expect(orders.heard).toHaveLength(heard)
})

test("a user's token and a handle never reach a stranger; what is the app's own does", async () => {
  const answer = await duringRequest(web, ({ authorization, traceparent, tracestate }) =>
    callFrom(web, 'stranger.example', {
      path: '/a//b/../c?q=1',
      headers: {
        authorization: authorization as string,
        traceparent: traceparent as string,
        tracestate: `a=1,${String(tracestate)}`,
        'tokenward-handle': 'x',
        tokenward_subject: 'x',
        'x-app': 'kept',
      },
    }),
  )
  expect(answer).toMatchObject({ status: 200, text: 'stranger' })
  const heard = strange.at(-1)
  expect(heard?.url).toBe('/a//b/../c?q=1')
  expect(heard?.headers).toMatchObject({
    host: 'stranger.example',
    tracestate: 'a=1',
    'x-app': 'kept',
  })
  expect(heard?.headers.authorization).toBeUndefined()
  expect(heard?.rawHeaders.join(' ').toLowerCase()).not.toContain('tokenward')
  expect(await web.metrics()).toMatch(/tokens_kept_total [1-9]/)
})

test("an app's own credential reaches a stranger", async () => {
  await callFrom(web, 'stranger.example', { headers: { authorization: 'Bearer of-the-app' } })
  expect(strange.at(-1)?.headers.authorization).toBe('Bearer of-the-app')
})

test('an address of a target is the target', async () => {
  const via = `127.0.0.1:${strangerPort()}`
  await callFrom(web, via, { headers: { authorization: 'Bearer x' } })
  expect(strange.at(-1)?.headers.authorization).toBe('Bearer x')
  shop.apply((world) => ({
    ...world,
    services: world.services.map((one) =>
      one.metadata.name === 'orders'
        ? {
            ...one,
            spec: {
              ...one.spec,
              clusterIPs: ['127.0.0.1'],
              ports: one.spec.ports.map((port) => ({ ...port, port: strangerPort() })),
            },
          }
        : one,
    ),
  }))
  await callFrom(web, via, order)
  expect(strange.at(-1)?.headers.authorization).toMatch(/^Bearer ey/)
})

test('a request that would come back to the sidecar is refused', async () => {
  const { port } = web.ports.outbound ?? { port: 0 }
  for (const host of ['127.0.0.1', 'localhost', '0.0.0.0', '[::ffff:127.0.0.1]']) {
    expect(await callFrom(web, `${host}:${port}`)).toMatchObject({
      status: 508,
      reason: 'loop_detected',
    })
  }
  expect(await callFrom(web, `127.0.0.1:${web.ports.admin.port}`)).toMatchObject({ status: 508 })
})

test('a name that does not resolve is a 502', async () => {
  expect(await callFrom(web, 'nowhere.invalid')).toMatchObject({
    status: 502,
    reason: 'upstream_unreachable',
  })
})

test('a port that is bound to one route takes it, whatever Host says', async () => {
  const answer = await duringRequest(orders, ({ tracestate }) =>
    call(
      { port: orders.ports.routes[0]?.port ?? 0 },
      {
        method: 'POST',
        path: '/charges',
        headers: { host: 'stranger.example', tracestate: tracestate as string },
      },
    ),
  )
  expect(answer).toMatchObject({ status: 200 })
  expect(payments.last().headers).toMatchObject({ 'tokenward-subject': 'corp:alice' })
})

test('a port that is bound to a route that no policy has refuses', async () => {
  shop.apply((world) => ({
    ...world,
    policies: world.policies.filter(({ metadata }) => metadata.name !== 'payments'),
  }))
  expect(await call({ port: orders.ports.routes[0]?.port ?? 0 }, {})).toMatchObject({
    status: 403,
    reason: 'no_rule',
  })
})

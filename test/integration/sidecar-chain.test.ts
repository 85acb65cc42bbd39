import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { call, startShop, type App, type Shop, type Workload } from '../support/shop-sidecars.ts'
import { identity } from '../support/world.ts'

let shop: Shop
let web: Workload
let orders: Workload
let payments: Workload

beforeAll(async () => {
  shop = await startShop()
  const { web: one, orders: two, payments: three } = shop.workloads
  web = one as Workload
  orders = two as Workload
  payments = three as Workload
})
afterAll(() => shop.close())
beforeEach(() => {
  shop.apply()
  shop.age(0)
  for (const workload of [web, orders, payments])
    workload.serve((_, response) => response.end('ok'))
})

/** An app that knows nothing of Tokenward: it passes trace context on and answers what it was told. */
const passesOn =
  (from: Workload, via: string, ask: { method: string; path: string }): App =>
  (request, response) => {
    const { traceparent, tracestate } = request.headers
    call(
      { port: from.ports.outbound?.port ?? 0, via },
      { ...ask, headers: { traceparent, tracestate } },
    ).then(
      (answer) => response.writeHead(answer.status).end(answer.reason ?? answer.text),
      () => response.destroy(),
    )
  }

const chain = (): void => {
  web.serve(passesOn(web, 'orders.shop', { method: 'POST', path: '/orders' }))
  orders.serve(passesOn(orders, 'payments.shop', { method: 'POST', path: '/charges' }))
}
const inbound = (workload: Workload) => ({ port: workload.ports.inbound[0]?.port ?? 0 })

test("alice's purchase crosses three sidecars and payments knows who acts", async () => {
  chain()
  const answer = await call(inbound(web), {
    method: 'POST',
    path: '/buy',
    headers: { authorization: `Bearer ${shop.alice()}` },
  })
  expect(answer).toMatchObject({ status: 200, text: 'ok' })
  expect(payments.last().headers).toMatchObject({
    'tokenward-subject': 'corp:alice',
    'tokenward-caller': identity('orders'),
    'tokenward-actors': `${identity('orders')}, ${identity('web')}`,
    'tokenward-scope': 'charges:write',
  })
})

test('without a user payments is out of reach, though web may call orders as itself', async () => {
  orders.serve(passesOn(orders, 'payments.shop', { method: 'POST', path: '/charges' }))
  const answer = await call(
    { port: web.ports.outbound?.port ?? 0, via: 'orders.shop' },
    { method: 'POST', path: '/orders' },
  )
  expect(answer).toMatchObject({ status: 403, text: 'delegation_required' })
  expect(orders.last().headers).toMatchObject({
    'tokenward-subject': identity('web'),
    'tokenward-caller': identity('web'),
  })
})

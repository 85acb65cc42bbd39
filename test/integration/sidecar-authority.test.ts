import { afterEach, beforeEach, expect, test } from 'vitest'
import { call, startShop, type Answer, type Shop, type Workload } from '../support/shop-sidecars.ts'
import { identity } from '../support/world.ts'

let shop: Shop
let web: Workload

beforeEach(async () => {
  shop = await startShop()
  shop.apply()
  web = shop.workloads['web'] as Workload
})
afterEach(() => shop.close())

const buy = (path = '/orders', method = 'POST'): Promise<Answer> =>
  call({ port: web.ports.outbound?.port ?? 0, via: 'orders.shop' }, { method, path })

test('many calls at once ask the authority once', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => buy()))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  expect(shop.authority.asked).toHaveLength(1)
})

test('with the authority away cached tokens go on working and new ones are a 503', async () => {
  expect(await buy()).toMatchObject({ status: 200 })
  shop.authority.be('away')
  expect(await buy()).toMatchObject({ status: 200 })
  const refused = await buy('/orders/7', 'GET')
  expect(refused).toMatchObject({ status: 503, reason: 'authority_unavailable' })
  expect(refused.headers['retry-after']).toBe('1')
  shop.authority.be('well')
  expect(await buy('/orders/7', 'GET')).toMatchObject({ status: 200 })
})

test('an authority that hangs is given up at the deadline', async () => {
  shop.authority.be('hanging')
  const startedAtMs = performance.now()
  expect(await buy()).toMatchObject({ status: 503, reason: 'authority_unavailable' })
  expect(performance.now() - startedAtMs).toBeLessThan(2_000)
})

test('an authority that comes back within the deadline is not noticed', async () => {
  shop.authority.be('away')
  const answer = buy()
  // Its first attempt has failed by now.
  await expect.poll(() => shop.authority.cut()).toBeGreaterThan(0)
  shop.authority.be('well')
  expect(await answer).toMatchObject({ status: 200 })
})

test('an authority that is behind is asked again until it is not', async () => {
  shop.authority.be('behind')
  const answer = buy()
  await expect.poll(() => shop.authority.asked.length).toBeGreaterThan(1)
  shop.authority.be('well')
  expect(await answer).toMatchObject({ status: 200 })
})

test('an authority that stays behind is a 503 that says so', async () => {
  shop.authority.be('behind')
  const answer = await buy()
  expect(answer).toMatchObject({ status: 503, reason: 'behind' })
  expect(answer.headers['retry-after']).toBe('1')
  expect(shop.authority.asked.length).toBeLessThan(8)
})

test('what the authority refuses is a 403 with its reason, and nothing leaves', async () => {
  shop.authority.follow({
    edges: { edges: [], audiences: [] },
    issuers: { issuers: [] },
    workloads: {
      pod: {
        identity: identity('web'),
        namespace: 'shop',
        pod: 'web-0',
        serviceAccount: 'web',
        serviceAccountUid: 'sa-shop-web',
        audiences: [],
        issuerAudiences: {},
      },
    },
  })
  expect(await buy()).toMatchObject({ status: 403, reason: 'invalid_target' })
  expect(shop.workloads['orders']?.heard).toHaveLength(0)
  shop.apply()
  expect(await buy()).toMatchObject({ status: 200 })
})

test('a workload that the authority does not know is a 403 as well', async () => {
  shop.authority.follow({
    edges: { edges: [], audiences: [] },
    issuers: { issuers: [] },
    workloads: {},
  })
  expect(await buy()).toMatchObject({ status: 403, reason: 'client_assertion' })
})

test('nothing that was logged holds a token', async () => {
  await call(
    { port: web.ports.outbound?.port ?? 0, via: 'orders.shop' },
    { method: 'POST', path: '/orders', headers: { authorization: `Bearer ${shop.alice()}` } },
  )
  const headers = shop.workloads['orders']?.last().headers ?? {}
  expect(headers['tokenward-subject']).toBe('corp:alice')
  await Promise.all(Object.values(shop.workloads).map((workload) => workload.close(0)))
  const lines = Object.values(shop.workloads).flatMap((workload) => workload.lines)
  expect(lines.length).toBeGreaterThan(1)
  // Every compact JWS of ours begins so.
  expect(lines.join('')).not.toMatch(/eyJ[\w-]{10}/)
})

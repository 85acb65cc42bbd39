import { afterEach, expect, test } from 'vitest'
import { call, startShop, type Answer, type Shop, type Workload } from '../support/shop-sidecars.ts'
import { shop as world } from '../support/world.ts'

let shop: Shop
let web: Workload

const start = async (deadlineMs?: number): Promise<void> => {
  shop = await startShop({ ...(deadlineMs !== undefined && { deadlineMs }) })
  shop.apply()
  web = shop.workloads['web'] as Workload
}
afterEach(() => shop.close())

const buy = (path = '/orders', method = 'POST'): Promise<Answer> =>
  call({ port: web.ports.outbound?.port ?? 0, via: 'orders.shop' }, { method, path })
/** Short where a test waits for its end, and long enough for one token on a busy machine. */
const shortMs = 1_000

test('many calls at once ask the authority once', async () => {
  await start()
  const answers = await Promise.all(Array.from({ length: 20 }, () => buy()))
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  expect(shop.authority.audits).toHaveLength(1)
})

test.each(['refuse', 'reset', 'hang'] as const)(
  'with the authority away (%s) cached tokens go on working and new ones are a 503',
  async (fault) => {
    await start(shortMs)
    await expect.poll(() => buy()).toMatchObject({ status: 200 })
    await shop.way.be(fault)
    expect(await buy()).toMatchObject({ status: 200 })
    const refused = await buy('/orders/7', 'GET')
    expect(refused).toMatchObject({ status: 503, reason: 'authority_unavailable' })
    expect(refused.headers['retry-after']).toBe('1')
    await shop.way.be('none')
    await expect.poll(() => buy('/orders/7', 'GET')).toMatchObject({ status: 200 })
  },
)

test('an authority that comes back within the deadline is not noticed', async () => {
  await start()
  await shop.way.be('reset')
  const answer = buy()
  // Its first attempt has failed by then.
  await expect.poll(() => shop.way.failed()).toBeGreaterThan(0)
  await shop.way.be('none')
  expect(await answer).toMatchObject({ status: 200 })
})

test('an authority that is slow is waited for, and asked once', async () => {
  await start()
  await shop.way.be('none', 100)
  expect(await buy()).toMatchObject({ status: 200 })
  expect(shop.authority.audits).toHaveLength(1)
})

test('an authority that is behind is asked again until it is not', async () => {
  await start()
  shop.replacePod('web')
  const answer = buy()
  await expect.poll(() => shop.authority.audits.length).toBeGreaterThan(1)
  expect(shop.authority.audits[0]).toMatchObject({ verdict: 'deny', reason: 'behind' })
  shop.apply()
  expect(await answer).toMatchObject({ status: 200 })
})

test('an authority that stays behind is a 503 that says so', async () => {
  await start(shortMs)
  shop.replacePod('web')
  const answer = await buy()
  expect(answer).toMatchObject({ status: 503, reason: 'behind' })
  expect(answer.headers['retry-after']).toBe('1')
  expect(shop.authority.audits.length).toBeLessThan(8)
})

test('what the authority refuses is a 403 with its reason, and nothing leaves', async () => {
  await start()
  const { authority } = shop
  authority.state.apply({ ...authority.sectionsOf(world()), edges: { edges: [], audiences: [] } })
  expect(await buy()).toMatchObject({ status: 403, reason: 'invalid_target' })
  expect(shop.workloads['orders']?.heard).toHaveLength(0)
  shop.apply()
  expect(await buy()).toMatchObject({ status: 200 })
})

test('a workload that is gone for the authority is refused with its reason as well', async () => {
  await start()
  const { authority } = shop
  authority.state.apply({ ...authority.sectionsOf(world()), workloads: {} })
  expect(await buy()).toMatchObject({ status: 403, reason: 'client_unknown' })
})

test('nothing that was logged holds a token', async () => {
  await start()
  await call(
    { port: web.ports.outbound?.port ?? 0, via: 'orders.shop' },
    { method: 'POST', path: '/orders', headers: { authorization: `Bearer ${shop.alice()}` } },
  )
  const headers = shop.workloads['orders']?.last().headers ?? {}
  expect(headers['tokenward-subject']).toBe('corp:alice')
  await Promise.all(Object.values(shop.workloads).map((workload) => workload.close(0)))
  const ofAuthority = [...shop.authority.logs, JSON.stringify(shop.authority.audits)]
  const lines = Object.values(shop.workloads).flatMap((workload) => workload.lines)
  expect(lines.length).toBeGreaterThan(1)
  // Every compact JWS of ours begins so.
  expect([...lines, ...ofAuthority].join('')).not.toMatch(/eyJ[\w-]{10}/)
})

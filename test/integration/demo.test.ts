import { afterAll, beforeAll, expect, test } from 'vitest'
import { readCompact } from '../../pkg/token/compact.ts'
import { chainOf } from '../demo/chain.ts'
import { createRows } from '../demo/rows.ts'
import { startShop, type Shop } from '../demo/shop.ts'

let shop: Shop

beforeAll(async () => {
  shop = await startShop()
}, 60_000)
afterAll(() => shop.stop(), 30_000)

test(
  'every row of the demo is as expected, and alice is in the chain of her purchase',
  {
    timeout: 60_000,
  },
  async () => {
    for (const { call, expected, run } of await createRows(shop)) {
      const { status, reason } = await run()
      expect({ call, status, reason }).toEqual({
        call,
        status: expected.status,
        reason: expected.reason,
      })
    }
    const token = shop.taps.payments.seen('POST /charges')?.token ?? ''
    expect(chainOf(readCompact(token).payload)).toEqual([
      'corp:alice',
      'spiffe://local.tokenward.dev/ns/shop/sa/web',
      'spiffe://local.tokenward.dev/ns/shop/sa/orders',
    ])
  },
)

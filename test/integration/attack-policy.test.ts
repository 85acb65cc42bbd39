import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessPolicySpec } from '../../pkg/api/types.ts'
import { maxDownstreamLineBytes } from '../../pkg/discovery/lines.ts'
import { namespaceBytes } from '../../pkg/policy/weight.ts'
import { call, startShop, type Answer, type Shop } from '../support/shop-sidecars.ts'
import { policy, target } from '../support/world.ts'

let shop: Shop
beforeAll(async () => {
  shop = await startShop()
})
afterAll(() => shop.close())

type Rules = NonNullable<AccessPolicySpec['rules']>

const apply = (name: string, rules: Rules): void => {
  shop.apply((world) => ({
    ...world,
    policies: [
      ...world.policies.filter(({ metadata }) => metadata.name !== name),
      policy('shop', name, { targetRefs: [target(name)], rules }),
    ],
  }))
}

/** A call of web at orders while it serves alice, whose token has these scopes. */
const asAlice = (path: string, scope: string): Promise<Answer> =>
  call(
    { port: shop.workloads['web']?.ports.outbound?.port ?? 0, via: 'orders.shop' },
    { path, headers: { authorization: `Bearer ${shop.alice({ scope })}` } },
  )

const from = [{ serviceAccount: { name: 'web' } }]
const scopes = ['orders:read']
const bothRules: Rules = [
  {
    name: 'all',
    from,
    scopes,
    operations: [{ methods: ['GET'], paths: ['/orders/{id}'], scopes }],
  },
  {
    name: 'audit',
    from,
    scopes,
    subject: { scopes: ['auditor'] },
    operations: [{ methods: ['GET'], paths: ['/orders/{id}/audit'], scopes }],
  },
]

test.each([
  ['the operation of everybody', '/orders/1', 'shop', 200, undefined],
  ['an operation for auditors', '/orders/1/audit', 'shop', 403, 'subject_scope'],
  ['an operation for auditors, as one', '/orders/1/audit', 'shop auditor', 200, undefined],
  ['the operation of everybody, as an auditor', '/orders/1', 'auditor', 200, undefined],
])(
  'a rule that grants the same scopes opens no other: %s',
  async (_, path, scope, status, reason) => {
    apply('orders', bothRules)
    // Whatever was issued before for the same user does not count for more either.
    await asAlice('/orders/1', scope)
    expect(await asAlice(path, scope)).toMatchObject({ status, reason })
  },
)

test.each([
  ['without the scope', 'shop', 403],
  ['with it', 'auditor', 200],
])(
  'who calls with a token of an issuer must carry what the rule demands: %s',
  async (_, scope, status) => {
    apply('web', [
      { name: 'auditors', from: [{ issuer: { name: 'corp' } }], subject: { scopes: ['auditor'] } },
    ])
    const answer = await call(
      { port: shop.workloads['web']?.ports.inbound[0]?.port ?? 0 },
      { headers: { authorization: `Bearer ${shop.alice({ scope })}` } },
    )
    expect(answer.status).toBe(status)
  },
)

test('what many namespaces may say of one caller still fits in a line to its sidecar', () => {
  expect(maxDownstreamLineBytes).toBeGreaterThan(10 * namespaceBytes)
})

import {
  deployment,
  namespace,
  policy,
  restricted,
  service,
  serviceAccount,
  pod,
} from '../objects.ts'
import { apply, get, kubectl, refusal, rolledOut } from '../kubectl.ts'
import { check } from '../report.ts'
import { expectAnswer, untilAnswer, type Stage } from '../stage.ts'
import { addressOf } from './shop.ts'
import { mallory } from './tenants.ts'

const market = 'market'

/** Interception without privileges: a namespace that Pod Security holds to `restricted`. */
export async function explicitMode(stage: Stage): Promise<void> {
  await apply(
    namespace(
      market,
      {
        'tokenward.dev/inject': 'enabled',
        'pod-security.kubernetes.io/enforce': 'restricted',
      },
      { 'tokenward.dev/interception': 'explicit' },
    ),
    serviceAccount(market, 'stall'),
  )
  await check('an explicit pod starts where Pod Security is restricted', async () => {
    await apply(
      deployment({
        name: 'stall',
        namespace: market,
        annotations: { 'tokenward.dev/inbound': '8080:8081' },
        env: { PORT: '8081' },
        container: {
          command: ['node', '/shop/reports.ts'],
          securityContext: { ...restricted, runAsUser: 10_001 },
        },
      }),
      service(market, 'stall'),
      policy(market, 'stall', [{ namespace: 'shop', name: 'web' }]),
      policy('shop', 'orders-for-stall', [{ namespace: market, name: 'stall' }], 'orders'),
    )
    await rolledOut(market, 'stall')
  })
  await check('a pod that would be redirected is refused there, and told of explicit', async () => {
    const said = await refusal(() =>
      apply(
        pod({
          name: 'redirected',
          namespace: market,
          annotations: { 'tokenward.dev/interception': 'redirect' },
          spec: { serviceAccountName: 'stall' },
          container: { securityContext: { ...restricted, runAsUser: 10_001 } },
        }),
      ),
    )
    if (!said.includes('explicit')) throw new Error(said)
  })
  const visitor = await stage.in('outside', 'visitor')
  const web = await stage.in('shop', 'web')
  const stall = await stage.in(market, 'stall')
  const url = `http://stall.${market}/reports/bestsellers`
  await check('redirect → explicit', () =>
    untilAnswer(() => web.call({ method: 'GET', url }), { status: 200 }),
  )
  await check('explicit → redirect, by the proxy of the environment', () =>
    untilAnswer(
      () => stall.call({ method: 'GET', url: 'http://orders.shop/orders/1', proxy: true }),
      { status: 200 },
    ),
  )
  await check('nobody without a token', async () =>
    expectAnswer(await visitor.call({ method: 'GET', url }), 401, 'no_token'),
  )
  await check('its app listens on loopback alone', async () => {
    const said = await visitor.dial(await addressOf(market, 'stall'), 8081)
    if (said !== 'refused') throw new Error(said)
  })
}

/** Both address families, by name and by address, in and out. */
export async function bothFamilies(stage: Stage): Promise<void> {
  const web = await stage.in('shop', 'web')
  const visitor = await stage.in('outside', 'visitor')
  const { spec } = await get<{ spec: { clusterIPs: string[] } }>('service', 'orders', '-n', 'shop')
  const addresses = [
    ...spec.clusterIPs.map((ip) => (ip.includes(':') ? `[${ip}]` : ip)),
    `${await addressOf('shop', 'orders', 4)}:8080`,
    `${await addressOf('shop', 'orders', 6)}:8080`,
  ]
  for (const address of addresses) {
    await check(`web → orders at ${address}`, async () =>
      expectAnswer(await web.call({ method: 'GET', url: `http://${address}/orders/1` }), 200),
    )
    await check(`nobody without a token at ${address}`, async () => {
      const call = { method: 'GET', url: `http://${address}/orders/1` }
      return expectAnswer(await visitor.call(call), 401, 'no_token')
    })
  }
}

/** Takes away what was made for these and other parts, beside what the page names. */
export async function leaveParts(): Promise<void> {
  await kubectl(['delete', 'accesspolicy', 'orders-for-stall', '-n', 'shop'])
  await kubectl(['delete', 'namespace', market, mallory])
}

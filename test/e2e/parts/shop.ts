import { readCompact } from '../../../pkg/token/compact.ts'
import { exchangeRequest } from '../../../pkg/token/exchange.ts'
import { chainOf } from '../../demo/chain.ts'
import { kubectl, pods, rolledOut } from '../kubectl.ts'
import { check } from '../report.ts'
import { tapOptions, type Answer, type Call, type Tapped } from '../session.ts'
import { expectAnswer, type Stage } from '../stage.ts'

export const workloads = ['web', 'orders', 'payments', 'reports'] as const
type Workload = (typeof workloads)[number]

const web = 'http://web.shop'
const order = { item: 'teapot' }

/** Has every app of the shop run with a tap, which sees what arrives there, and no pod without one any more. */
export async function tapApps(): Promise<void> {
  const names = workloads.map((name) => `deployment/${name}`)
  const before = await pods('shop', `app in (${workloads.join(', ')})`)
  await kubectl(['set', 'env', '-n', 'shop', ...names, `NODE_OPTIONS=${tapOptions()}`])
  for (const name of workloads) await rolledOut('shop', name)
  const gone = before.map(({ metadata }) => `pod/${metadata.name}`)
  await kubectl(['wait', '-n', 'shop', '--for=delete', ...gone, '--timeout=60s'])
}

async function tapped(stage: Stage, name: Workload, call: string): Promise<Tapped> {
  const { tapped: last } = await (await stage.in('shop', name)).seen()
  const found = last[call]
  if (found === undefined) throw new Error(`${name} received no ${call}`)
  return found
}

/** Visits the shop, as somebody's browser does. */
export async function visit(
  stage: Stage,
  call: Omit<Call, 'url'> & { path: string },
): Promise<Answer> {
  const { path, ...rest } = call
  return (await stage.in('outside', 'visitor')).call({ ...rest, url: web + path })
}

/** The calls of `make demo`, between real pods. Gives a handle of alice's and when her request was over. */
export async function shopCalls(stage: Stage): Promise<{ handle: string; sinceMs: number }> {
  const [alice, bob] = [await stage.token('alice'), await stage.token('bob')]
  const buy = (token?: string, path = '/purchases'): Promise<Answer> =>
    visit(stage, { method: 'POST', path, token, body: order })
  const look = (token: string, path = '/purchases/1'): Promise<Answer> =>
    visit(stage, { method: 'GET', path, token })
  await check('alice buys: web → orders → payments, by trace context alone', async () =>
    expectAnswer(await buy(alice), 201),
  )
  const sinceMs = performance.now()
  await check('payments got a token of alice, web and orders, for itself and for one charge', () =>
    showChain(stage),
  )
  const { handle = '' } = await tapped(stage, 'web', 'POST /purchases')
  await check('her handle opens her order to web at once', async () =>
    expectAnswer(await byHandle(stage, handle), 200),
  )
  await check('no token', async () => expectAnswer(await buy(), 401, 'no_token'))
  await check('a guest gets to orders, and no further', async () =>
    expectAnswer(await buy(undefined, '/guest/purchases'), 403, 'delegation_required'),
  )
  await check('bob looks', async () => expectAnswer(await look(bob), 200))
  await check('bob may not buy', async () =>
    expectAnswer(await buy(bob), 403, 'insufficient_scope'),
  )
  await check('a path with two readings', async () =>
    expectAnswer(await look(alice, '/purchases/..%2f..%2fadmin'), 400, 'ambiguous_path'),
  )
  await asThemselves(stage)
  await thefts(stage, alice)
  return { handle, sinceMs }
}

async function showChain(stage: Stage): Promise<string> {
  const { token = '', headers } = await tapped(stage, 'payments', 'POST /charges')
  const { payload } = readCompact(token)
  const of = (name: string): string => `spiffe://cluster.local/ns/shop/sa/${name}`
  const expected = ['corp:alice', of('web'), of('orders')].join(', ')
  const chain = chainOf(payload).join(', ')
  const told = {
    audience: payload['aud'],
    scope: payload['scope'],
    subject: headers['tokenward-subject'],
  }
  const good =
    chain === expected &&
    told.audience === 'http://payments.shop.svc.cluster.local' &&
    told.scope === 'charges:write' &&
    told.subject === 'corp:alice'
  if (!good) throw new Error(`${chain} ${JSON.stringify(told)}`)
  return chain
}

/** web calls orders, with a handle as the only evidence of a user. */
export async function byHandle(stage: Stage, handle: string): Promise<Answer> {
  const session = await stage.in('shop', 'web')
  return session.call({
    method: 'GET',
    url: 'http://orders.shop/orders/1',
    headers: {
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: `tokenward=${handle}`,
    },
  })
}

async function asThemselves(stage: Stage): Promise<void> {
  const from = async (
    name: Workload,
    method: string,
    url: string,
    body?: object,
  ): Promise<Answer> => (await stage.in('shop', name)).call({ method, url, body })
  await check('web reads an order as itself', async () =>
    expectAnswer(await from('web', 'GET', 'http://orders.shop/orders/1'), 200),
  )
  await check('web may not delete one', async () =>
    expectAnswer(await from('web', 'DELETE', 'http://orders.shop/orders/1'), 403, 'no_rule'),
  )
  await check('no rule lets reports charge', async () =>
    expectAnswer(
      await from('reports', 'POST', 'http://payments.shop/charges', { cents: 1 }),
      401,
      'no_token',
    ),
  )
  await check('bestsellers, which web reads as itself for everybody', async () =>
    expectAnswer(await visit(stage, { method: 'GET', path: '/bestsellers' }), 200),
  )
}

async function thefts(stage: Stage, alice: string): Promise<void> {
  const visitor = await stage.in('outside', 'visitor')
  await check('the token of orders is worth nothing at payments', async () => {
    const { token } = await tapped(stage, 'orders', 'POST /orders')
    const url = 'http://payments.shop/charges'
    const call = { method: 'POST', url, token, body: { cents: 1 } }
    return expectAnswer(await visitor.call(call), 401, 'token_audience')
  })
  await check('web cannot exchange a token that it stole from payments', async () => {
    const { token = '' } = await tapped(stage, 'payments', 'POST /charges')
    const assertion = await authorityToken('web')
    const audience = 'http://orders.shop.svc.cluster.local'
    const answer = await visitor.call({
      method: 'POST',
      url: 'https://tokenward-authority.tokenward-system.svc/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: exchangeRequest({ assertion, subjectToken: token, audience, scopes: [] }),
    })
    return expectAnswer(answer, 400, 'subject_token')
  })
  await check("a stranger gets web's own key and never her token", async () => {
    await visitor.serve('::', 9090)
    await visitor.seen()
    const url = `http://${await addressOf('outside', 'visitor')}:9090/`
    const session = await stage.in('shop', 'web')
    await session.call({ method: 'GET', url, token: 'a-key-of-its-own' })
    expectAnswer(await session.call({ method: 'GET', url, token: alice }), 200)
    const { served } = await visitor.seen()
    const got = served.map(({ headers }) => headers['authorization'] ?? 'none').join(', ')
    if (got !== 'Bearer a-key-of-its-own, none') throw new Error(`the stranger got ${got}`)
  })
}

/** The credential with which a workload's sidecar asks the authority. */
async function authorityToken(app: string): Promise<string> {
  const [found] = await pods('shop', `app=${app}`)
  const read = `process.stdout.write(fs.readFileSync('/var/run/tokenward/tokens/authority', 'utf8'))`
  const container = ['-c', 'tokenward-sidecar', '--', 'node', '-e', read]
  return kubectl(['exec', '-n', 'shop', found?.metadata.name ?? '', ...container])
}

/** A pod's address, by its app. */
export async function addressOf(
  namespace: string,
  app: string,
  family: 4 | 6 = 4,
): Promise<string> {
  const found = (await pods(namespace, `app=${app}`)).at(-1)
  const ip = found?.status.podIPs?.find((each) => each.ip.includes(':') === (family === 6))?.ip
  if (ip === undefined) throw new Error(`${namespace}/${app} has no IPv${family} address`)
  return family === 6 ? `[${ip}]` : ip
}

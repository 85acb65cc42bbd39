import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { send, type Answer } from './call.ts'
import { exchange } from './exchange.ts'
import { openStranger } from './stranger.ts'
import { until, type Shop } from './shop.ts'

export interface Outcome {
  readonly status: number
  /** Of the refusal; empty where the call was allowed. */
  readonly reason: string
  /** What else is worth saying. */
  readonly note?: string
}

export interface Row {
  readonly call: string
  readonly who: string
  readonly user: string
  readonly expected: Outcome
  readonly run: () => Promise<Outcome>
}

const allowed = (status: number, note = ''): Outcome => ({ status, reason: '', note })
const refused = (status: number, reason: string): Outcome => ({ status, reason })

/** Every call of the demo, in order: each counts on those before it. */
export async function createRows(shop: Shop): Promise<Row[]> {
  const tokenOf = async (user: string): Promise<string> => {
    const { body } = await send({ method: 'GET', url: `${shop.issuer}/token/${user}` })
    return (body as { access_token: string }).access_token
  }
  const people = { alice: await tokenOf('alice'), bob: await tokenOf('bob') }
  const look = (token: string) =>
    send({ method: 'GET', url: `${shop.inbound('web')}/purchases/1`, token })
  const away: Looks = {
    cached: () => look(people.alice),
    fresh: async () => look(await tokenOf('alice')),
  }
  return [
    ...userRows(shop, people),
    ...workloadRows(shop),
    ...theftRows(shop, people.alice),
    ...policyRows(shop, away),
    ...awayRows(shop, away),
  ]
}

type People = Readonly<Record<'alice' | 'bob', string>>

/** What users do at web, and what it takes further. */
function userRows(shop: Shop, { alice, bob }: People): Row[] {
  const web = shop.inbound('web')
  const buy = (token?: string, path = '/purchases') =>
    send({ method: 'POST', url: web + path, token, body: { item: 'teapot' } })
  const look = (token: string, path = '/purchases/1') =>
    send({ method: 'GET', url: web + path, token })
  const row = (call: string, user: string, expected: Outcome, run: Row['run']): Row => ({
    call,
    who: 'browser',
    user,
    expected,
    run,
  })
  return [
    row('web POST /purchases → orders → payments', 'alice', allowed(201), () => buy(alice)),
    row('web POST /purchases, no token', '-', refused(401, 'no_token'), () => buy()),
    row(
      'web POST /guest/purchases → orders → payments',
      '-',
      refused(403, 'delegation_required'),
      () => buy(undefined, '/guest/purchases'),
    ),
    row('web GET /purchases/1 → orders', 'bob', allowed(200), () => look(bob)),
    row(
      'web POST /purchases, his scope: shop:read',
      'bob',
      refused(403, 'insufficient_scope'),
      () => buy(bob),
    ),
    row('web GET /purchases/..%2f..%2fadmin', 'alice', refused(400, 'ambiguous_path'), () =>
      look(alice, '/purchases/..%2f..%2fadmin'),
    ),
  ]
}

/** What workloads do as themselves, through their own sidecars. */
function workloadRows(shop: Shop): Row[] {
  const row = (
    who: 'web' | 'reports',
    request: `${string} ${string}`,
    expected: Outcome,
    note = '',
  ): Row => {
    const [method = '', target = ''] = request.split(' ')
    const [service = '', ...path] = target.split('/')
    return {
      call: `${service} ${method} /${path.join('/')}${note}`,
      who,
      user: '-',
      expected,
      run: () =>
        send({
          method,
          url: `http://${service}.shop/${path.join('/')}`,
          proxy: shop.proxy(who),
          ...(method === 'POST' ? { body: { cents: 1 } } : {}),
        }),
    }
  }
  return [
    row('web', 'GET orders/orders/1', allowed(200), ', as itself'),
    row('web', 'DELETE orders/orders/1', refused(403, 'no_rule'), ', a method of no rule'),
    row('reports', 'POST payments/charges', refused(401, 'no_token'), ', no rule names it'),
  ]
}

/** What a thief, or a careless app, may try with tokens that others got. */
function theftRows(shop: Shop, alice: string): Row[] {
  const stolen = (name: 'orders' | 'payments', call: string): string => {
    const token = shop.taps[name].seen(call)?.token
    if (token === undefined) throw new Error(`${name} received no token with ${call}`)
    return token
  }
  return [
    {
      call: 'payments POST /charges, with the token of orders',
      who: 'thief',
      user: 'alice',
      expected: refused(401, 'token_audience'),
      run: () =>
        send({
          method: 'POST',
          url: `${shop.inbound('payments')}/charges`,
          token: stolen('orders', 'POST /orders'),
          body: { cents: 1 },
        }),
    },
    {
      call: 'exchange a token stolen from payments',
      who: 'web',
      user: 'alice',
      expected: refused(400, 'subject_token'),
      run: () =>
        exchange(shop, {
          client: 'web',
          subjectToken: stolen('payments', 'POST /charges'),
          audience: 'orders',
        }),
    },
    {
      call: 'a stranger GET /, her token sent along',
      who: 'web',
      user: 'alice',
      expected: allowed(200, 'her token stayed here'),
      run: () => callStranger(shop.proxy('web'), alice),
    },
  ]
}

async function callStranger(proxy: string, token: string): Promise<Outcome> {
  const stranger = await openStranger()
  try {
    const call = { method: 'GET', url: stranger.url, proxy }
    await send({ ...call, token: 'a-key-of-its-own' })
    const { status, reason } = await send({ ...call, token })
    const [first, second] = stranger.tokens
    if (first !== 'Bearer a-key-of-its-own') return { status, reason: 'OWN KEY LOST' }
    if (second !== undefined) return { status, reason: 'TOKEN LEAKED' }
    return { status, reason, note: 'her token stayed here' }
  } finally {
    stranger.close()
  }
}

interface Looks {
  /** With a token of alice's that the sidecars have exchanged before. */
  readonly cached: () => Promise<Answer>
  /** With one that they have not seen. */
  readonly fresh: () => Promise<Answer>
}

const readRow = /^.*scopes: \[orders:read\] \}\n/m
const editedWithinMs = 1000

/** The policy of orders, and the same without the row that lets web read them. */
function ordersPolicy(shop: Shop): { write: (how: 'whole' | 'without GET') => void } {
  const file = join(shop.folder, 'orders.yaml')
  const whole = readFileSync(file, 'utf8')
  const without = whole.replace(readRow, '')
  if (without === whole) throw new Error('orders.yaml has no row that reads orders')
  return { write: (how) => writeFileSync(file, how === 'whole' ? whole : without) }
}

/** An edit of a policy takes effect at once, both ways. */
function policyRows(shop: Shop, { cached }: Looks): Row[] {
  const policy = ordersPolicy(shop)
  const row = (call: string, how: 'whole' | 'without GET', expected: Outcome): Row => ({
    call,
    who: 'browser',
    user: 'alice',
    expected,
    async run() {
      policy.write(how)
      const edited = performance.now()
      let answer = await cached()
      while (answer.status !== expected.status && performance.now() - edited < editedWithinMs) {
        answer = await cached()
      }
      return { ...answer, note: `after ${Math.ceil(performance.now() - edited)} ms` }
    },
  })
  return [
    row('GET taken out of orders.yaml, within 1 s', 'without GET', refused(403, 'no_rule')),
    row('GET put back into orders.yaml, within 1 s', 'whole', allowed(200)),
  ]
}

/** What goes on while a part is away, and that it comes back without help. */
function awayRows(shop: Shop, { cached, fresh }: Looks): Row[] {
  const policy = ordersPolicy(shop)
  const row = (call: string, expected: Outcome, run: Row['run']): Row => ({
    call,
    who: 'browser',
    user: 'alice',
    expected,
    run,
  })
  const untilStatus = async (status: number, look: () => Promise<Answer>): Promise<Outcome> => {
    let answer: Outcome = { status: 0, reason: '' }
    await until(`status ${status}`, async () => (answer = await look()).status === status)
    return answer
  }
  return [
    row('authority stopped; her token is in the cache', allowed(200), async () => {
      await shop.end('authority')
      return cached()
    }),
    row('authority stopped; she has signed in anew', refused(503, 'authority_unavailable'), fresh),
    row('authority back', allowed(200), async () => {
      await shop.startDown('authority')
      return untilStatus(200, fresh)
    }),
    row('controller stopped; the last policy holds', allowed(200), async () => {
      await shop.end('controller')
      policy.write('without GET')
      return fresh()
    }),
    row('controller back; an edit made meanwhile', refused(403, 'no_rule'), async () => {
      await shop.startDown('controller')
      return untilStatus(403, cached)
    }),
    row('and taken back', allowed(200), () => {
      policy.write('whole')
      return untilStatus(200, cached)
    }),
  ]
}

/** A handle in `tracestate` opens its subject until the request ends and 30 s more. */
export function handleRow(shop: Shop, handle: string, age: 'fresh' | 'over'): Row {
  return {
    call: `orders GET /orders/1, her handle, ${age === 'fresh' ? 'at once' : 'after 30 s'}`,
    who: 'web',
    user: 'alice',
    expected: age === 'fresh' ? allowed(200) : refused(403, 'subject_expired'),
    run: () =>
      send({
        method: 'GET',
        url: 'http://orders.shop/orders/1',
        proxy: shop.proxy('web'),
        headers: {
          traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
          tracestate: `tokenward=${handle}`,
        },
      }),
  }
}

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Answer } from './call.ts'
import { send } from './call.ts'
import { exchange } from './exchange.ts'
import { openStranger } from './stranger.ts'
import { until, type Shop } from './shop.ts'

export interface Outcome {
  readonly status: number
  /** Of the refusal, or what is worth saying of what was allowed. */
  readonly reason: string
}

export interface Row {
  readonly call: string
  readonly who: string
  readonly user: string
  readonly expected: Outcome
  readonly run: () => Promise<Outcome>
}

const allowed = (status: number, reason = ''): Outcome => ({ status, reason })
const refused = (status: number, reason: string): Outcome => ({ status, reason })

/** Every call of the demo, in order: each counts on those before it. */
export async function createRows(shop: Shop): Promise<Row[]> {
  const tokenOf = async (user: string): Promise<string> => {
    const { body } = await send({ method: 'GET', url: `${shop.issuer}/token/${user}` })
    return (body as { access_token: string }).access_token
  }
  const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
  const web = shop.inbound('web')
  const buy = (token?: string, path = '/purchases') =>
    send({ method: 'POST', url: web + path, token, body: { item: 'teapot' } })
  const look = (token?: string, path = '/purchases/1') =>
    send({ method: 'GET', url: web + path, token })
  const appOf = (name: 'web' | 'orders' | 'payments' | 'reports') => shop.proxy(name)
  const stolen = (name: 'orders' | 'payments', call: string): string => {
    const token = shop.taps[name].seen(call)?.token
    if (token === undefined) throw new Error(`${name} received no token with ${call}`)
    return token
  }

  return [
    {
      call: 'web POST /purchases -> orders -> payments',
      who: 'browser',
      user: 'alice',
      expected: allowed(201),
      run: () => buy(alice),
    },
    {
      call: 'web POST /purchases',
      who: 'browser',
      user: '-',
      expected: refused(401, 'no_token'),
      run: () => buy(),
    },
    {
      call: 'orders GET /orders/1, as itself',
      who: 'web',
      user: '-',
      expected: allowed(200),
      run: () => send({ method: 'GET', url: 'http://orders.shop/orders/1', proxy: appOf('web') }),
    },
    {
      call: 'web POST /guest/purchases -> orders -> payments',
      who: 'browser',
      user: '-',
      expected: refused(403, 'delegation_required'),
      run: () => buy(undefined, '/guest/purchases'),
    },
    {
      call: 'web GET /purchases/1 -> orders',
      who: 'browser',
      user: 'bob',
      expected: allowed(200),
      run: () => look(bob),
    },
    {
      call: 'web POST /purchases, scope too small',
      who: 'browser',
      user: 'bob',
      expected: refused(403, 'insufficient_scope'),
      run: () => buy(bob),
    },
    {
      call: 'orders DELETE /orders/1, no rule for it',
      who: 'web',
      user: '-',
      expected: refused(403, 'no_rule'),
      run: () =>
        send({ method: 'DELETE', url: 'http://orders.shop/orders/1', proxy: appOf('web') }),
    },
    {
      call: 'web GET /purchases/..%2f..%2fadmin',
      who: 'browser',
      user: 'alice',
      expected: refused(400, 'ambiguous_path'),
      run: () => look(alice, '/purchases/..%2f..%2fadmin'),
    },
    {
      call: 'payments POST /charges, token for orders',
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
      call: 'authority: exchange a token stolen from payments',
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
      call: 'example.test GET /, her token sent along',
      who: 'web',
      user: 'alice',
      expected: allowed(200, 'token did not leave'),
      run: () => callStranger(appOf('web'), alice),
    },
    {
      call: 'payments POST /charges, no rule names it',
      who: 'reports',
      user: '-',
      expected: refused(401, 'no_token'),
      run: () =>
        send({
          method: 'POST',
          url: 'http://payments.shop/charges',
          proxy: appOf('reports'),
          body: { cents: 1 },
        }),
    },
    ...policyRows(shop, () => look(alice)),
    ...awayRows(shop, {
      cached: () => look(alice),
      fresh: async () => look(await tokenOf('alice')),
    }),
  ]
}

/** The handle of alice's first purchase is used when its 30 s after that request are over. */
export function handleRow(shop: Shop, handle: string): Row {
  return {
    call: 'orders GET /orders/1, a handle of 30 s ago',
    who: 'web',
    user: 'alice',
    expected: refused(403, 'subject_expired'),
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

async function callStranger(proxy: string, token: string): Promise<Outcome> {
  const stranger = await openStranger()
  try {
    const { status } = await send({ method: 'GET', url: stranger.url, proxy, token })
    return allowed(status, stranger.sawToken() ? 'TOKEN LEAKED' : 'token did not leave')
  } finally {
    stranger.close()
  }
}

const readLine = /^.*orders:read\] \}\n/m

/** An edit of a policy takes effect at once, both ways. */
function policyRows(shop: Shop, look: () => Promise<Answer>): Row[] {
  const file = join(shop.folder, 'orders.yaml')
  const whole = readFileSync(file, 'utf8')
  const row = (call: string, text: string, expected: Outcome): Row => ({
    call,
    who: 'browser',
    user: 'alice',
    expected,
    async run() {
      writeFileSync(file, text)
      const edited = performance.now()
      let answer = await look()
      while (answer.status !== expected.status && performance.now() - edited < 1000) {
        answer = await look()
      }
      return answer
    },
  })
  return [
    row('GET removed from orders.yaml, within 1 s', whole.replace(readLine, ''), {
      status: 403,
      reason: 'no_rule',
    }),
    row('GET put back, within 1 s', whole, allowed(200)),
  ]
}

interface Looks {
  /** With a token that the sidecars have exchanged before. */
  readonly cached: () => Promise<Answer>
  /** With one that they have not seen. */
  readonly fresh: () => Promise<Answer>
}

/** What goes on while a part is away, and that it comes back without help. */
function awayRows(shop: Shop, { cached, fresh }: Looks): Row[] {
  const row = (call: string, expected: Outcome, run: () => Promise<Outcome>): Row => ({
    call,
    who: 'browser',
    user: 'alice',
    expected,
    run,
  })
  const back = async (process: string, look: () => Promise<Answer>): Promise<Outcome> => {
    await shop.startDown(process)
    let answer = await look()
    await until(`${process} to serve`, async () => (answer = await look()).status === 200)
    return answer
  }
  return [
    row('authority stopped; a token cached before', allowed(200), async () => {
      await shop.end('authority')
      return cached()
    }),
    row('authority stopped; a new sign-in of hers', refused(503, 'authority_unavailable'), fresh),
    row('authority back; the same', allowed(200), () => back('authority', fresh)),
    row('controller stopped; on the last policy', allowed(200), async () => {
      await shop.end('controller')
      return fresh()
    }),
    row('controller back', allowed(200), () => back('controller', fresh)),
  ]
}

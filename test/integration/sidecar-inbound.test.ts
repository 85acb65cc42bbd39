import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { call, startShop, type Answer, type Shop, type Workload } from '../support/shop-sidecars.ts'
import { audience, identity } from '../support/world.ts'

let shop: Shop
let orders: Workload
let web: Workload

beforeAll(async () => {
  shop = await startShop()
  orders = shop.workloads['orders'] as Workload
  web = shop.workloads['web'] as Workload
})
afterAll(() => shop.close())
beforeEach(() => {
  shop.apply()
  shop.age(0)
})

/** What the authority would give web for alice at orders; `change` is what is odd about it. */
const token: Shop['authority']['ownToken'] = (...odd) => shop.authority.ownToken(...odd)

const ask = (
  authorization: string | undefined,
  {
    method = 'POST',
    path = '/orders',
    to = orders,
    headers = {},
  }: {
    method?: string
    path?: string
    to?: Workload
    headers?: Record<string, string>
  } = {},
): Promise<Answer> =>
  call(
    { port: to.ports.inbound[0]?.port ?? 0 },
    {
      method,
      path,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
    },
  )

test('a valid token passes, and the app is told what was verified', async () => {
  const answer = await ask(`Bearer ${token()}`, { path: '/orders?dry=1' })
  expect(answer).toMatchObject({ status: 200, text: 'ok\n' })
  const { url, method, headers } = orders.last()
  expect({ url, method }).toEqual({ url: '/orders?dry=1', method: 'POST' })
  expect(headers).toMatchObject({
    'tokenward-subject': 'corp:alice',
    'tokenward-caller': identity('web'),
    'tokenward-actors': identity('web'),
    'tokenward-scope': 'orders:create orders:read',
  })
  expect(headers['tokenward-decision']).toMatch(/^[\w-]+$/)
  expect(headers['tokenward-handle']).toMatch(/^[0-9a-z]+\.[\w-]{22}$/)
  expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(headers.tracestate).toBe(`tokenward=${String(headers['tokenward-handle'])}`)
  expect(headers.authorization).toMatch(/^Bearer /)
})

test('a trace that exists is kept, with the handle first and none from outside', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
  const headers = { traceparent, tracestate: 'a=1,tokenward=forged,b=2' }
  await ask(`Bearer ${token()}`, { headers })
  const { headers: heard } = orders.last()
  expect(heard.traceparent).toBe(traceparent)
  expect(heard.tracestate).toBe(`tokenward=${String(heard['tokenward-handle'])},a=1,b=2`)
})

test('what callers say of themselves does not arrive', async () => {
  const headers = {
    'Tokenward-Subject': 'corp:root',
    tokenward_caller: 'spiffe://root',
    'TOKENWARD-Handle': 'forged',
    'X-Forwarded-Client-Cert': 'x',
    'X-HTTP-Method-Override': 'DELETE',
    'X-Original-URL': '/admin',
    Connection: 'tokenward-subject, tokenward-handle, traceparent, authorization',
  }
  await ask(`Bearer ${token()}`, { headers })
  const { rawHeaders, headers: heard } = orders.last()
  const text = rawHeaders.join('\n')
  for (const said of ['root', 'forged', 'DELETE', '/admin']) expect(text).not.toContain(said)
  // Nor can `Connection` take ours away.
  expect(heard).toMatchObject({ 'tokenward-subject': 'corp:alice' })
  expect(heard.traceparent).toBeDefined()
})

test.each([
  ['no token', undefined, 401, 'no_token', 'Bearer'],
  ['a scheme that is not ours', 'Basic eDp5', 401, 'no_token', 'Bearer'],
  ['an opaque token', 'Bearer opaque', 401, 'token_malformed', 'Bearer error="invalid_token"'],
  ['an empty Bearer', 'Bearer ', 401, 'token_malformed', 'Bearer error="invalid_token"'],
] as const)('%s is refused', async (_, authorization, status, reason, challenge) => {
  const heard = orders.heard.length
  const answer = await ask(authorization)
  expect(answer).toMatchObject({ status, reason })
  expect(answer.headers['www-authenticate']?.startsWith(challenge)).toBe(true)
  if (reason === 'no_token') expect(answer.headers['www-authenticate']).toBe('Bearer')
  expect(answer.headers['tokenward-decision']).toBeDefined()
  expect(answer.headers['content-type']).toBe('application/problem+json')
  expect(orders.heard).toHaveLength(heard)
})

const past = Math.floor(Date.now() / 1000) - 3_600

test.each([
  ['another key', () => token({}, generateSigningKey()), 401, 'token_key'],
  ['an issuer nobody trusts', () => token({ iss: 'https://evil.example' }), 401, 'token_issuer'],
  ['a past', () => token({ iat: past, nbf: past, exp: past + 300 }), 401, 'token_expired'],
  ['another audience', () => token({ aud: audience('payments') }), 401, 'token_audience'],
  [
    'a caller without a rule',
    () =>
      token({
        client_id: identity('reports'),
        client_uid: 'sa-shop-reports',
        act: { sub: identity('reports') },
      }),
    403,
    'caller_not_allowed',
  ],
  [
    'a recreated account of the same name',
    () => token({ client_uid: 'another' }),
    403,
    'caller_not_allowed',
  ],
  ['too little scope', () => token({ scope: 'orders:read' }), 403, 'insufficient_scope'],
] as const)('a token with %s is refused', async (_, make, status, reason) => {
  const heard = orders.heard.length
  expect(await ask(`Bearer ${make()}`)).toMatchObject({ status, reason })
  expect(orders.heard).toHaveLength(heard)
})

test('the scope that is missing is named', async () => {
  const { headers } = await ask(`Bearer ${token({ scope: 'orders:read' })}`)
  expect(headers['www-authenticate']).toBe(
    'Bearer error="insufficient_scope", scope="orders:create"',
  )
})

test.each([
  ['another method', 'DELETE', '/orders', 403, 'no_rule'],
  ['another path', 'POST', '/admin', 403, 'no_rule'],
  ['an allowed path in the query', 'POST', '/admin?/orders', 403, 'no_rule'],
  ['a path with dot segments', 'POST', '/x/../orders', 400, 'ambiguous_path'],
  ['an encoded slash', 'GET', '/orders%2F1', 400, 'ambiguous_path'],
  ['a double slash', 'POST', '//orders', 400, 'ambiguous_path'],
  ['a parameter', 'POST', '/orders;x=1', 400, 'ambiguous_path'],
  ['a second encoding', 'GET', '/orders/%252e', 400, 'ambiguous_path'],
] as const)('%s is refused', async (_, method, path, status, reason) => {
  expect(await ask(`Bearer ${token()}`, { method, path })).toMatchObject({ status, reason })
})

test('an encoded letter is the letter, and the app sees the path that was judged', async () => {
  expect(await ask(`Bearer ${token()}`, { path: '/%6frders' })).toMatchObject({ status: 200 })
  expect(orders.last().url).toBe('/orders')
})

test.each([
  ['two fields', ['Authorization', 'T', 'authorization', 'T']],
  ['one field with two', ['Authorization', 'T, Bearer x']],
])('two tokens, in %s, are refused even where both are good', async (_, form) => {
  const good = `Bearer ${token()}`
  const headers = ['Host', 'orders.shop', ...form.map((part) => part.replace('T', good))]
  const answer = await call(
    { port: orders.ports.inbound[0]?.port ?? 0 },
    { method: 'POST', path: '/orders', headers },
  )
  expect(answer).toMatchObject({ status: 400, reason: 'two_tokens' })
})

test.each([
  ['the query', (good: string) => ({ path: `/orders?access_token=${good}` })],
  ['a cookie', (good: string) => ({ headers: { Cookie: `access_token=${good}` } })],
  [
    'Proxy-Authorization',
    (good: string) => ({ headers: { 'Proxy-Authorization': `Bearer ${good}` } }),
  ],
  ['another field', (good: string) => ({ headers: { 'X-Authorization': `Bearer ${good}` } })],
])('a good token in %s is none', async (_, place) => {
  const good = token()
  expect(await ask(undefined, place(good))).toMatchObject({ status: 401, reason: 'no_token' })
  expect(await ask(`Bearer ${good}`, place(good))).toMatchObject({ status: 200 })
})

test('a public operation needs no token, and the handle opens nobody', async () => {
  expect(await ask(undefined, { method: 'GET', path: '/healthz', to: web })).toMatchObject({
    status: 200,
  })
  expect(web.last().headers['tokenward-subject']).toBeUndefined()
  expect(web.last().headers['tokenward-handle']).toBeDefined()
})

test.each([
  ['a forged token', () => `Bearer ${shop.alice({ iss: 'https://evil.example' })}`, false],
  ['a token for somebody else', () => `Bearer ${shop.alice({ aud: 'elsewhere' })}`, false],
  ['a Bearer of no form', () => 'Bearer a b', false],
  ['a verified token', () => `Bearer ${shop.alice({ azp: 'stranger' })}`, true],
  ['a password of the app', () => 'Basic eDp5', true],
])('on a public operation %s reaches the app: %#', async (_, make, arrives) => {
  await ask(make(), { method: 'GET', path: '/healthz', to: web })
  expect(web.last().headers.authorization !== undefined).toBe(arrives)
  expect(web.last().headers['tokenward-subject']).toBeUndefined()
})

test('a policy that is taken away refuses what it allowed, with the same token', async () => {
  const good = `Bearer ${token()}`
  expect(await ask(good)).toMatchObject({ status: 200 })
  shop.apply((world) => ({ ...world, policies: [] }))
  expect(await ask(good)).toMatchObject({ status: 403, reason: 'no_policy' })
  shop.apply()
  expect(await ask(good)).toMatchObject({ status: 200 })
})

test('a policy past its age refuses everything with 503', async () => {
  shop.age(3_600_001)
  const answer = await ask(`Bearer ${token()}`)
  expect(answer).toMatchObject({ status: 503, reason: 'policy_stale' })
  expect(answer.headers['retry-after']).toBe('10')
  shop.age(3_600_000)
  expect(await ask(`Bearer ${token()}`)).toMatchObject({ status: 200 })
})

test('each decision has its audit line, and no line holds a token or a path', async () => {
  const secret = token()
  const allowed = await ask(`Bearer ${secret}`)
  const refused = await ask(`Bearer ${secret}`, { path: '/secret-path' })
  expect(allowed.status).toBe(200)
  await orders.metrics()
  await expect
    .poll(() => orders.lines.join(''))
    .toContain(String(refused.headers['tokenward-decision']))
  const text = orders.lines.join('')
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const decision = refused.headers['tokenward-decision']
  expect(lines.find((line) => line['decision'] === decision)).toMatchObject({
    audit: true,
    direction: 'inbound',
    verdict: 'deny',
    reason: 'no_rule',
    status: 403,
    caller: identity('web'),
    actors: [identity('web')],
    method: 'POST',
  })
  expect(lines.some((line) => line['verdict'] === 'allow' && line['route'] === '/orders')).toBe(
    true,
  )
  expect(text).not.toContain('secret-path')
  expect(text).not.toContain(secret.slice(0, 40))
  expect(text).not.toContain('corp:alice')
})

test('the metrics count decisions by words of ours', async () => {
  await ask(undefined)
  const text = await orders.metrics()
  expect(text).toMatch(/decisions_total\{direction="inbound",reason="no_token"\} \d+/)
  expect(text).toMatch(/decisions_total\{direction="inbound",reason="allowed"\} \d+/)
})

test('nothing that a caller sends becomes a label of a metric', async () => {
  const headers = { Host: 'host-of-mine', 'User-Agent': 'agent-of-mine' }
  await ask(`Bearer ${token({ sub: 'corp:sub-of-mine' })}`, { path: '/path-of-mine', headers })
  const text = await orders.metrics()
  expect(text).toMatch(/decisions_total\{direction="inbound",reason="no_rule"\} \d+/)
  expect(text).not.toContain('of-mine')
})

/** The exchange rules of tokens.md, by their numbers, that no standard states. */
import { afterAll, afterEach, expect, test } from 'vitest'
import { claimsOf, startAuthority } from '../support/authority.ts'
import { account, audience, identity, policy, shop, target } from '../support/world.ts'

const authority = await startAuthority()
const now = authority.clock.nowSeconds
afterEach(() => authority.apply())
afterAll(() => authority.close())

const jwt = 'urn:ietf:params:oauth:token-type:jwt'
type Change = Readonly<Record<string, unknown>>
/** orders presents a token that was issued to web, for payments. */
const onward = (change: Change = {}, form: Record<string, string> = {}) =>
  authority.exchange('orders', 'payments', { subject_token: authority.ownToken(change), ...form })
/** web presents its own token for orders, for orders. */
const narrow = (change: Change = {}, form: Record<string, string> = {}) =>
  authority.exchange('web', 'orders', { subject_token: authority.ownToken(change), ...form })
const foreign = (change: Change = {}) =>
  authority.exchange('web', 'orders', {
    subject_token: authority.corpToken(change),
    subject_token_type: jwt,
  })

test.each([
  ['a token for its own target', () => onward()],
  ['a token of an issuer for a Service that the issuer names', () => foreign()],
  ['its own token, for the same audience', () => narrow()],
])('1: a client may present %s', async (_, ask) => {
  expect(await ask()).toMatchObject({ status: 200 })
})

test.each([
  ['a stolen token of another target', () => onward({ aud: audience('web') })],
  ['a token of an issuer for an audience nobody named', () => foreign({ aud: 'billing' })],
  ['its own token, for another audience', () => narrow({ aud: audience('payments') })],
  ['a token that another client got', () => narrow({ client_id: identity('reports') })],
  ['a token of its namesake before it', () => narrow({ client_uid: 'sa-shop-web-before' })],
  [
    'a token of an issuer that names a Service of others',
    () =>
      authority.exchange('orders', 'payments', {
        subject_token: authority.corpToken(),
        subject_token_type: jwt,
      }),
  ],
])('1: a client may not present %s', async (_, ask) => {
  expect(await ask()).toMatchObject({ status: 400, body: { reason: 'subject_token' } })
})

test('1: whoever stole a token of payments gets nothing with it', async () => {
  const stolen = authority.ownToken({ aud: audience('payments'), client_id: identity('orders') })
  const answer = await authority.exchange('web', 'orders', { subject_token: stolen })
  expect(answer).toMatchObject({ status: 400, body: { reason: 'subject_token' } })
})

test('2: what the edges of today do not allow is refused, whatever was allowed', async () => {
  expect(await onward()).toMatchObject({ status: 200 })
  authority.apply({
    policies: shop().policies.filter(({ metadata }) => metadata.name !== 'payments'),
  })
  expect(await onward()).toMatchObject({ status: 400, body: { reason: 'invalid_target' } })
})

test('2: an account that was made anew has no edge of the old one', async () => {
  const again = { ...account('shop', 'orders') }
  const accounts = shop().serviceAccounts.map((one) =>
    one.metadata.name === 'orders'
      ? { ...again, metadata: { ...again.metadata, uid: 'sa-shop-orders-2' } }
      : one,
  )
  authority.apply({ serviceAccounts: accounts })
  // The assertion of the old account is refused before any edge is looked for.
  expect(await onward()).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
})

test('3: a scope is never silently less than what was asked', async () => {
  expect((await onward({}, { scope: 'charges:read' })).body).toMatchObject({
    scope: 'charges:read',
  })
  const wider = await onward({}, { scope: 'charges:read charges:refund' })
  expect(wider).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
})

test('3: for the same audience the result is within the subject token', async () => {
  const little = { scope: 'orders:read' }
  expect((await narrow(little)).body).toMatchObject({ scope: 'orders:read' })
  const wider = await narrow(little, { scope: 'orders:create' })
  expect(wider).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
})

test("3: what the user's token must carry is judged here", async () => {
  const refused = await onward({ scope: 'orders:read' })
  expect(refused).toMatchObject({
    status: 400,
    body: { reason: 'subject_scope', rule: 'orders-charges' },
  })
})

test('4: who narrows its own token acts no second time', async () => {
  expect(claimsOf(await narrow())['act']).toEqual({ sub: identity('web') })
})

test('4: what its namesake got before it is not its own: it acts anew', async () => {
  const own = { aud: audience('orders'), client_id: identity('orders'), act: undefined }
  const self = policy('shop', 'self', {
    targetRefs: [target('orders')],
    rules: [{ name: 'self', from: [{ serviceAccount: { name: 'orders' } }] }],
  })
  authority.apply({ policies: [...shop().policies, self] })
  const ask = (client_uid: string) =>
    authority.exchange('orders', 'orders', {
      subject_token: authority.ownToken({ ...own, client_uid }),
    })
  expect(claimsOf(await ask('sa-shop-orders'))['act']).toBeUndefined()
  expect(claimsOf(await ask('sa-shop-orders-before'))['act']).toEqual({ sub: identity('orders') })
})

test("4: a user of an issuer that is no longer trusted is nobody's subject", async () => {
  authority.apply({ issuers: [] })
  expect(await narrow()).toMatchObject({ status: 400, body: { reason: 'subject_token' } })
})

test.each(['assertion', 'code', 'refresh_token', 'device_code', 'password'])(
  '5: %s is refused, never dropped',
  async (name) => {
    const refused = { status: 400, body: { reason: 'invalid_request' } }
    expect(await onward({}, { [name]: 'x' })).toMatchObject(refused)
    const own = await authority.credentials('web', 'orders', { [name]: 'x' })
    expect(own).toMatchObject(refused)
  },
)

test('4: a token of nobody does not pass where a user is required', async () => {
  const itself = { sub: identity('web'), sub_iss: undefined, act: undefined }
  expect(await onward(itself)).toMatchObject({
    status: 400,
    body: { reason: 'delegation_required' },
  })
  expect(await authority.credentials('orders', 'payments')).toMatchObject({
    status: 400,
    body: { reason: 'delegation_required' },
  })
})

test.each([
  ['the edge has, where the subject lives longer', 3000, 120],
  ['the subject has left, where that is less', 60, 60],
  ['is left, down to the least', 10, 10],
  ['is left, whole seconds of it', 60.7, 60],
])('6: a token lives as long as %s', async (_, left, lives) => {
  const answer = await onward({ exp: now + left })
  expect(answer.body).toMatchObject({ expires_in: lives })
  expect(claimsOf(answer)).toMatchObject({ iat: now, nbf: now, exp: now + lives })
})

test.each([9, 9.9, 0, -20])('6: a subject with %d s left is refused', async (left) => {
  expect(await onward({ exp: now + left })).toMatchObject({
    status: 400,
    body: { reason: 'subject_token' },
  })
})

test('6: no client lives longer by exchanging its own token for itself', async () => {
  const first = await narrow({ exp: now + 100 })
  authority.clock.nowSeconds += 50
  const token = String(first.body['access_token'])
  const second = await authority.exchange('web', 'orders', { subject_token: token })
  expect(claimsOf(second)['exp']).toBe(now + 100)
  authority.clock.nowSeconds = now
})

test('7: claims are copied by allow-list', async () => {
  const carried = { auth_time: now - 9, acr: 'gold', amr: ['pwd', 'otp'], sid: 's-1' }
  const odd = { email: 'alice@corp.example', roles: ['admin'], azp: 'x', nonce: 'n' }
  const claims = claimsOf(await onward({ ...carried, ...odd, groups: ['buyers'] }))
  expect(claims).toMatchObject({ ...carried, groups: ['buyers'] })
  for (const name of Object.keys(odd)) expect(claims).not.toHaveProperty(name)
})

test('7: a claim of a wrong kind stays behind', async () => {
  const claims = claimsOf(await foreign({ auth_time: 'now', acr: 1, amr: 'pwd', sid: {} }))
  for (const name of ['auth_time', 'acr', 'amr', 'sid']) expect(claims).not.toHaveProperty(name)
})

test('10: the first token names the one that it comes from', async () => {
  expect(claimsOf(await foreign())['anc']).toEqual([
    { id: 'corp-token', iat: now, client: 'portal-1', rule: '', grant: '' },
  ])
})

test('10: a token without jti and iat is named by its hash, and 0', async () => {
  const [entry] = claimsOf(await foreign({ jti: undefined, iat: undefined }))['anc'] as unknown[]
  expect(entry).toEqual({
    id: expect.stringMatching(/^[\w-]{43}$/) as string,
    iat: 0,
    client: 'portal-1',
    rule: '',
    grant: '',
  })
})

test('10: ancestors are all kept, the nearest last', async () => {
  const answer = await onward({ iat: now - 5, nbf: now - 5 })
  expect(claimsOf(answer)['anc']).toEqual([
    { id: 'corp-token', iat: now, client: 'portal-1', rule: '', grant: '' },
    {
      id: 'own-token',
      iat: now - 5,
      client: identity('web'),
      rule: 'shop/orders/web-orders',
      grant: '',
    },
  ])
  expect(claimsOf(answer)['rule']).toBe('shop/payments/orders-charges')
})

test('10: eight ancestors are kept, a ninth is refused', async () => {
  const ancestors = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      id: `t${i}`,
      iat: now,
      client: '',
      rule: '',
      grant: '',
    }))
  const eight = claimsOf(await onward({ anc: ancestors(7) }))['anc'] as unknown[]
  expect(eight).toHaveLength(8)
  expect(await onward({ anc: ancestors(8) })).toMatchObject({
    status: 400,
    body: { reason: 'actor_chain_too_long' },
  })
})

test('a token that no sidecar would read is not issued', async () => {
  const most = 16 * 1024
  const bare = authority.ownToken({ groups: [''] }).length
  const groups = ['x'.repeat(Math.floor(((most - bare) * 3) / 4) - 4)]
  const token = authority.ownToken({ groups })
  expect(token.length).toBeLessThanOrEqual(most)
  expect(await onward({ groups })).toMatchObject({ status: 400, body: { reason: 'subject_token' } })
  expect(await onward({ groups: ['buyers'] })).toMatchObject({ status: 200 })
})

/** What the authority knows and does not know yet, and what it answers then. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { authorityKey, corpKey, startAuthority, type TestAuthority } from '../support/authority.ts'
import { issuer, shop } from '../support/world.ts'

let authority: TestAuthority
beforeEach(async () => {
  authority = await startAuthority()
})
afterEach(() => authority.close())

const hourMs = 3_600_000
const without = (name: string) => ({
  pods: shop().pods.filter(({ metadata }) => metadata.name !== `${name}-0`),
})
const unavailable = (reason: string) => ({
  status: 503,
  body: { error: 'temporarily_unavailable', reason },
})

test('a policy older than an hour issues nothing, and a fresh one does again', async () => {
  authority.clock.ageMs = hourMs
  expect(await authority.credentials('web', 'orders')).toMatchObject({ status: 200 })
  authority.clock.ageMs = hourMs + 1
  const answer = await authority.credentials('web', 'orders')
  expect(answer).toMatchObject(unavailable('policy_stale'))
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  authority.clock.ageMs = 0
  expect(await authority.credentials('web', 'orders')).toMatchObject({ status: 200 })
})

test('a pod that is newer than the view is not known yet: try again', async () => {
  authority.apply(without('web'))
  const fresh = { issuedAtSeconds: authority.clock.nowSeconds, podUid: 'new', pod: 'web-1' }
  const answer = await authority.credentials('web', 'orders', {
    client_assertion: authority.assertion('web', fresh),
  })
  expect(answer).toMatchObject(unavailable('behind'))
  expect(answer.headers.get('retry-after')).toBe('1')
})

test('a pod that was there and is no more is gone', async () => {
  const assertion = authority.assertion('web', { issuedAtSeconds: authority.clock.nowSeconds })
  const ask = () => authority.credentials('web', 'orders', { client_assertion: assertion })
  expect(await ask()).toMatchObject({ status: 200 })
  authority.apply(without('web'))
  expect(await ask()).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
})

test('a pod whose token is older than the view is gone, also for an authority that is new', async () => {
  const assertion = authority.assertion('web', {
    issuedAtSeconds: authority.clock.nowSeconds - 61,
    podUid: 'never seen',
  })
  const ask = () => authority.credentials('web', 'orders', { client_assertion: assertion })
  expect(await ask()).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  // The same token while the view is as old as the token may be of a pod that came after the view.
  authority.clock.ageMs = 60_000
  expect(await ask()).toMatchObject(unavailable('behind'))
})

test('without a signing key nothing is issued', async () => {
  authority.signWith(undefined)
  expect(await authority.credentials('web', 'orders')).toMatchObject(
    unavailable('keys_unavailable'),
  )
})

test.each([
  ['a key that sidecars have not been told of', generateSigningKey()],
  ['another key under a name that they know', generateSigningKey(authorityKey.kid)],
])('%s signs nothing', async (_, key) => {
  authority.signWith(key)
  expect(await authority.credentials('web', 'orders')).toMatchObject(
    unavailable('keys_unavailable'),
  )
  authority.signWith(authorityKey)
  expect(await authority.credentials('web', 'orders')).toMatchObject({ status: 200 })
})

test('sections for another authority are refused, and the last ones stay', async () => {
  const sections = authority.sectionsOf(shop())
  const others = { ...sections, keys: { ...sections.keys, issuer: 'https://other.example' } }
  expect(() => authority.state.apply(others)).toThrow(/https:\/\/other\.example/)
  expect(await authority.credentials('web', 'orders')).toMatchObject({ status: 200 })
})

const exchange = () =>
  authority.exchange('web', 'orders', {
    subject_token: authority.corpToken(),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })

test('keys that have to be fetched are fetched for the first token that needs them', async () => {
  authority.apply({ issuers: [issuer('corp')] })
  authority.keySource.onFetch = () => {
    authority.keySource.keys = [corpKey.publicJwk]
  }
  expect(await exchange()).toMatchObject({ status: 200 })
  expect(await exchange()).toMatchObject({ status: 200 })
  expect(authority.keySource.asked).toBe(1)
})

test('keys that cannot be had are a 503, not a bad token', async () => {
  authority.apply({ issuers: [issuer('corp')] })
  expect(await exchange()).toMatchObject(unavailable('keys_unavailable'))
})

test('an edge that goes away while keys are fetched issues nothing', async () => {
  authority.apply({ issuers: [issuer('corp')] })
  authority.keySource.onFetch = () => {
    authority.keySource.keys = [corpKey.publicJwk]
    authority.apply({ issuers: [issuer('corp')], policies: [] })
  }
  expect(await exchange()).toMatchObject({ status: 400, body: { reason: 'invalid_target' } })
})

test('an issuer that is no longer trusted has no users here', async () => {
  expect(await exchange()).toMatchObject({ status: 200 })
  authority.apply({ issuers: [] })
  expect(await exchange()).toMatchObject({ status: 400, body: { reason: 'subject_token' } })
})

test('health is told without a token', async () => {
  expect(await authority.get('/healthz')).toMatchObject({ status: 200 })
  expect(await authority.get('/readyz')).toMatchObject({ status: 200 })
  expect(await authority.get('/metrics')).toMatchObject({ status: 404 })
})

import { expect, test } from 'vitest'
import { identity } from '../../test/support/world.ts'
import type { Route, RouteAddresses, WorkloadPolicy } from '../policy/workload-policy.ts'
import type { Verdict } from './forward/verdict.ts'
import { createDestinations } from './destinations.ts'
import { createOutbound } from './outbound.ts'
import { createOwnListeners } from './own-listeners.ts'
import { createPolicyState } from './policy-state.ts'
import { createRecord } from './record.ts'

const route = (service: string): Route => ({
  id: `shop/${service}:http`,
  namespace: 'shop',
  service,
  portName: 'http',
  port: 80,
  hosts: [service],
  audience: `http://${service}`,
  rules: [
    {
      policy: `shop/${service}`,
      rule: 'all',
      needs: [],
      delegation: 'Allowed',
      scopes: [],
      operations: [{ scopes: [] }],
    },
  ],
  public: [],
})

const sections = (addresses: Readonly<Record<string, RouteAddresses>>): WorkloadPolicy => ({
  rules: { ports: {}, audiences: [], issuerAudiences: {} },
  routes: { routes: [route('orders'), route('payments')] },
  addresses,
  keys: { issuer: identity('authority'), keys: [] },
  issuers: { issuers: [] },
  trust: { bundle: '' },
})

/** What becomes of a call: the address that is dialled, or the reason. */
async function outcome(
  authority: string,
  {
    addresses = {},
    remoteAddress = '127.0.0.1',
    ageMs = 0,
  }: {
    addresses?: Readonly<Record<string, RouteAddresses>>
    remoteAddress?: string
    ageMs?: number
  } = {},
): Promise<string> {
  const state = createPolicyState({ ageMs: () => ageMs, maxAgeMs: 3_600_000 })
  state.apply(sections(addresses))
  const handler = createOutbound({
    unmatched: 'pass',
    state,
    handles: { find: () => ({ kind: 'unknown' }) },
    tokens: { cached: () => 'token', fetch: () => Promise.resolve('token') },
    destinations: createDestinations({
      services: { find: () => undefined },
      own: createOwnListeners(),
      resolve: () => Promise.resolve('192.0.2.1'),
    }),
    record: createRecord({ direction: 'outbound', audit: () => undefined, writesAllowed: false }),
    counts: { ownCredential: 0, tokensKept: 0, unmatched: 0 },
    newDecision: () => 'd',
    nowSeconds: () => 0,
  })
  const head = {
    method: 'GET',
    path: '/',
    query: '',
    authority,
    absolute: true,
    minor: 1,
    fields: [],
    listed: [],
    body: 'none',
    expectContinue: false,
    keepAlive: true,
    upgrade: false,
    trailers: false,
  } as const
  const verdict: Verdict = await handler(head, {
    remoteAddress,
    localPort: 1,
    listener: 'outbound',
  })
  if (verdict.kind === 'answer') return verdict.refusal.reason
  const token = verdict.added.includes('Bearer token') ? ' with a token' : ''
  return `${verdict.to.host}:${verdict.to.port}${token}`
}

test.each([
  ['127.0.0.1', '192.0.2.1:80'],
  ['::1', '192.0.2.1:80'],
  ['::ffff:127.0.0.1', '192.0.2.1:80'],
  ['10.0.0.7', 'peer_not_local'],
  ['::ffff:10.0.0.7', 'peer_not_local'],
  ['', 'peer_not_local'],
])('a caller at %s', async (remoteAddress, expected) => {
  expect(await outcome('stranger', { remoteAddress })).toBe(expected)
})

test('a request that names no destination is refused', async () => {
  expect(await outcome('')).toBe('ambiguous_host')
  expect(await outcome('a:0')).toBe('ambiguous_host')
})

const service: RouteAddresses = { clusterIPs: ['10.0.0.1'], endpoints: [] }
const pods: RouteAddresses = {
  clusterIPs: ['None'],
  endpoints: [
    { address: '10.1.0.1', port: 8080 },
    { address: '10.1.0.2', port: 8080 },
  ],
}

test('a name is dialled at the address of its Service, with a token', async () => {
  const addresses = { 'shop/orders:http': { ...service, endpoints: pods.endpoints } }
  expect(await outcome('orders', { addresses })).toBe('10.0.0.1:80 with a token')
})

test('an address is dialled as it is, with the token of its target', async () => {
  const addresses = { 'shop/orders:http': { ...service, endpoints: pods.endpoints } }
  expect(await outcome('10.1.0.2:8080', { addresses })).toBe('10.1.0.2:8080 with a token')
  expect(await outcome('10.0.0.1', { addresses })).toBe('10.0.0.1:80 with a token')
  expect(await outcome('10.1.0.3:8080', { addresses })).toBe('10.1.0.3:8080')
})

test('an address that two targets share is refused', async () => {
  const addresses = { 'shop/orders:http': pods, 'shop/payments:http': pods }
  expect(await outcome('10.1.0.1:8080', { addresses })).toBe('ambiguous_target')
})

test('a target without an address is unreachable', async () => {
  expect(await outcome('orders')).toBe('upstream_unreachable')
})

test('an address of a pod that was learnt long ago gets no token', async () => {
  const addresses = { 'shop/orders:http': pods, 'shop/payments:http': service }
  const fresh = { addresses, ageMs: 300_000 }
  const old = { addresses, ageMs: 300_001 }
  expect(await outcome('orders', fresh)).toMatch(/^10\.1\.0\.[12]:8080 with a token$/)
  expect(await outcome('orders', old)).toBe('policy_stale')
  expect(await outcome('payments', old)).toBe('10.0.0.1:80 with a token')
})

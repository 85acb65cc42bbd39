import { expect, test } from 'vitest'
import {
  authorityIssuer,
  authorityKey,
  corpClaims,
  corpIssuer,
  corpKey,
  corpTrust,
  nowSeconds,
  ownClaims,
} from '../../test/support/jose.ts'
import type { WorkloadPolicy } from '../policy/workload-policy.ts'
import { generateSigningKey } from '../token/keys.ts'
import { sign } from '../token/sign.ts'
import { createPolicyState } from './policy-state.ts'

const orders = 'http://orders.shop.svc.cluster.local'
const sections: WorkloadPolicy = {
  rules: {
    ports: {
      8080: { rules: [], public: [{ scopes: [], paths: [{ text: '/x', segments: ['x'] }] }] },
    },
    audiences: [orders],
    issuerAudiences: { corp: ['https://web.shop.example'] },
  },
  routes: { routes: [] },
  addresses: {},
  keys: { issuer: authorityIssuer, keys: [authorityKey.publicJwk] },
  issuers: { issuers: [corpTrust()] },
  trust: { bundle: '' },
}
const make = (age = { ms: 0 }) => createPolicyState({ ageMs: () => age.ms, maxAgeMs: 1_000 })
const own = sign(ownClaims(), authorityKey, 'at+jwt')

test('without a policy nothing is judged', () => {
  const state = make()
  expect(state.current()).toBeUndefined()
  expect(() => state.judging()).toThrow(expect.objectContaining({ reason: 'no_policy_yet' }))
  state.apply(sections)
  expect(state.judging().ports.get(8080)).toMatchObject({ judgesPath: true })
})

test('a policy past its age is not judged by until it is heard of again', () => {
  const age = { ms: 1_000 }
  const state = make(age)
  state.apply(sections)
  state.judging()
  age.ms = 1_001
  expect(() => state.judging()).toThrow(expect.objectContaining({ reason: 'policy_stale' }))
  expect(state.current()).toBeDefined()
  age.ms = 0
  state.judging()
})

test('verified tokens outlive a change of rules, not one of keys or trust', () => {
  const state = make()
  state.apply(sections)
  state.judging().verify(own, nowSeconds)
  expect(state.verified().size).toBe(1)
  state.apply({ ...sections, rules: { ...sections.rules, ports: {} } })
  expect(state.verified().size).toBe(1)
  state.apply({ ...sections, issuers: { issuers: [] } })
  expect(state.verified().size).toBe(0)
  state.judging().verify(own, nowSeconds)
  const other = generateSigningKey('authority-2')
  state.apply({ ...sections, keys: { issuer: authorityIssuer, keys: [other.publicJwk] } })
  expect(() => state.judging().verify(own, nowSeconds)).toThrow(
    expect.objectContaining({ reason: 'token_key' }),
  )
})

test('sections that cannot be used leave the last policy in place', () => {
  const state = make()
  state.apply(sections)
  const before = state.current()
  expect(() => state.apply({ ...sections, rules: undefined } as never)).toThrow()
  expect(() => state.apply({ ...sections, issuers: undefined } as never)).toThrow()
  expect(state.current()).toBe(before)
  expect(state.judging().verify(own, nowSeconds).subject).toBe('corp:alice')
})

test.each([
  ['ours, for us', authorityIssuer, [orders], true],
  ['ours, for us among others', authorityIssuer, ['x', orders], true],
  ['ours, for another', authorityIssuer, ['http://payments'], false],
  ["a TrustedIssuer's, for us", corpIssuer, ['https://web.shop.example'], true],
  ["a TrustedIssuer's, with our audience", corpIssuer, [orders], false],
  [
    'ours, with the audience of a TrustedIssuer',
    authorityIssuer,
    ['https://web.shop.example'],
    false,
  ],
  ['of a stranger', 'https://evil.example', [orders], false],
])('a token that claims to be %s', (_, iss, aud, is) => {
  const state = make()
  state.apply(sections)
  expect(state.judging().claimsToBeForUs({ iss, aud })).toBe(is)
})

test('what was verified is for us by its issuer and audience', () => {
  const state = make()
  state.apply(sections)
  const policy = state.judging()
  const corp = (aud: string) => sign(corpClaims({ aud }), corpKey, 'at+jwt')
  const isForUs = (token: string) => policy.isForUs(policy.verify(token, nowSeconds))
  expect(isForUs(own)).toBe(true)
  expect(isForUs(corp('https://web.shop.example'))).toBe(true)
  expect(isForUs(sign(ownClaims({ aud: 'http://payments' }), authorityKey, 'at+jwt'))).toBe(false)
})

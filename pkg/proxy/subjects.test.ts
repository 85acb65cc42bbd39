import { randomFillSync } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  authorityKey,
  corpKey,
  exampleVerifier,
  nowSeconds,
  ownClaims,
  corpClaims,
} from '../../test/support/jose.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { WorkloadPolicy } from '../policy/workload-policy.ts'
import { generateSigningKey } from '../token/keys.ts'
import { sign } from '../token/sign.ts'
import { corpTrust } from '../../test/support/jose.ts'
import { scanFields } from './fields.ts'
import { createHandles, type Handle } from './handles.ts'
import { createPolicyState } from './policy-state.ts'
import { subjectOf } from './subject.ts'
import { credentialsForStrangers, findSubject } from './subjects.ts'

const us = 'http://orders.shop.svc.cluster.local'
const sections: WorkloadPolicy = {
  rules: {
    ports: {},
    audiences: [us],
    issuerAudiences: { corp: ['https://web.shop.example'] },
  },
  routes: { routes: [] },
  addresses: {},
  keys: { issuer: ownClaims().iss, keys: [authorityKey.publicJwk] },
  issuers: { issuers: [corpTrust()] },
  trust: { bundle: '' },
}
const state = createPolicyState({ ageMs: () => 0, maxAgeMs: 1 })
state.apply(sections)
const policy = state.judging()

const own = (change: Readonly<Record<string, unknown>> = {}): string =>
  sign(ownClaims(change), authorityKey, 'at+jwt')
const corp = (change: Readonly<Record<string, unknown>> = {}): string =>
  sign(corpClaims(change), corpKey, 'at+jwt')

const alice = own()
const bob = own({ sub: 'corp:bob', jti: 'other' })
const clock = { ms: 1_000 }
const handles = createHandles({
  fill: (target) => randomFillSync(target),
  nowMs: () => clock.ms,
})
const open = (token: string | undefined): Handle => {
  const subject =
    token === undefined ? undefined : subjectOf(exampleVerifier().verify(token, nowSeconds), token)
  const handle = handles.open(subject)
  if (handle === undefined) throw new Error('no handle')
  return handle
}
const opened = (token: string | undefined): string => open(token).text

const byAlice = opened(alice)
const byAliceAgain = opened(alice)
const byBob = opened(bob)
const byNobody = opened(undefined)
const shortLived = opened(own({ exp: nowSeconds + 5 }))
const over = open(alice)
const ended = over.text
handles.end(over)
clock.ms += 31_000

/** The subject, how nobody, or the reason. */
function found(fields: readonly string[], at = nowSeconds): string {
  try {
    const result = findSubject(scanFields(fields, 'outbound'), {
      policy,
      handles,
      nowSeconds: at,
    })
    if (result.kind === 'subject') return result.subject.bearer.subject
    return result.kind === 'nobody' ? `nobody: ${result.cause}` : result.kind
  } catch (error) {
    if (error instanceof Refusal) return error.reason
    throw error
  }
}

const authorization = (token: string): string[] => ['Authorization', `Bearer ${token}`]
const traced = (handle: string): string[] => ['tracestate', `a=1,tokenward=${handle}`]
const named = (handle: string): string[] => ['Tokenward-Handle', handle]

test.each([
  ['no evidence', [], 'nobody: none'],
  ['a forwarded token', authorization(alice), 'corp:alice'],
  ['a forwarded token of a TrustedIssuer', authorization(corp()), 'corp:alice'],
  ['a handle in tracestate', traced(byAlice), 'corp:alice'],
  ['a handle by name', named(byAlice), 'corp:alice'],
  [
    'all three of one request',
    [...authorization(alice), ...traced(byAlice), ...named(byAlice)],
    'corp:alice',
  ],
  [
    'handles of two requests with one token',
    [...traced(byAlice), ...named(byAliceAgain)],
    'corp:alice',
  ],
  ['handles of two requests', [...traced(byAlice), ...named(byBob)], 'subject_ambiguous'],
  [
    'two handles in tracestate',
    ['tracestate', `tokenward=${byAlice},tokenward=${byBob}`],
    'subject_ambiguous',
  ],
  [
    'a token of one and a handle of another',
    [...authorization(alice), ...traced(byBob)],
    'subject_ambiguous',
  ],
  ['a handle of a public request', traced(byNobody), 'nobody: public'],
  ['a public request and another', [...traced(byNobody), ...named(byAlice)], 'subject_ambiguous'],
  [
    'a public request and a token that the app names',
    [...traced(byNobody), ...authorization(alice)],
    'corp:alice',
  ],
  ['a handle nobody gave', named('guessed'), 'subject_unknown'],
  ['an empty handle', ['tracestate', 'tokenward='], 'subject_unknown'],
  [
    'a good token and a handle nobody gave',
    [...authorization(alice), ...named('guessed')],
    'subject_unknown',
  ],
  ['a handle whose request is over', traced(ended), 'subject_expired'],
  ['tracestate of others', ['tracestate', 'a=1'], 'nobody: none'],
  ['two Authorization fields', [...authorization(alice), ...authorization(alice)], 'two_tokens'],
  [
    'a token for us within another form',
    ['Authorization', `Bearer ${alice}, Basic eDp5`],
    'two_tokens',
  ],
  ['a token for us in another scheme', ['Authorization', `Token ${alice}`], 'two_tokens'],
  ['a token for another audience', authorization(own({ aud: 'http://payments' })), 'own'],
  [
    'a token of ours that is not trusted any more',
    authorization(sign(ownClaims(), generateSigningKey('authority-1'), 'at+jwt')),
    'subject_invalid',
  ],
  [
    'a token for us that has expired',
    authorization(own({ iat: nowSeconds - 400, nbf: nowSeconds - 400, exp: nowSeconds - 100 })),
    'subject_expired',
  ],
  [
    'a token of a TrustedIssuer for another audience',
    authorization(corp({ aud: 'elsewhere' })),
    'own',
  ],
  [
    'a forged token of a TrustedIssuer for us',
    authorization(sign(corpClaims(), generateSigningKey('corp-1'), 'at+jwt')),
    'subject_invalid',
  ],
  ['a token of an issuer we do not know', authorization(corp({ iss: 'https://x' })), 'own'],
  ['an opaque credential', authorization('opaque'), 'own'],
  ['a password', ['Authorization', 'Basic eDp5'], 'own'],
  [
    'an own credential and a handle: the handle is not used',
    ['Authorization', 'Basic eDp5', ...named(byAlice)],
    'own',
  ],
])('%s', (_, fields, expected) => {
  expect(found(fields)).toBe(expected)
})

test('a handle opens no token that has expired', () => {
  expect(found(named(shortLived), nowSeconds + 4)).toBe('corp:alice')
  expect(found(named(shortLived), nowSeconds + 5)).toBe('subject_expired')
})

test.each([
  ['a token for us', [`Bearer ${alice}`], []],
  ['a token of a TrustedIssuer for us', [`Bearer ${corp()}`], []],
  ['a token for us in another scheme', [`Token ${alice}`], []],
  ['a token for us in a list', [`Basic eDp5, Bearer ${alice}`], []],
  ['an expired token for us', [`Bearer ${own({ exp: 1 })}`], []],
  [
    'a token for another audience',
    [`Bearer ${own({ aud: 'x' })}`],
    [`Bearer ${own({ aud: 'x' })}`],
  ],
  ['a password', ['Basic eDp5'], ['Basic eDp5']],
  ['both, each by itself', [`Bearer ${alice}`, 'Basic eDp5'], ['Basic eDp5']],
])('to a stranger: %s', (_, values, left) => {
  const { fields, removed } = credentialsForStrangers(values, policy)
  expect(fields.filter((_field, at) => at % 2 === 1).map(headOf)).toEqual(left.map(headOf))
  expect(removed).toBe(values.length - left.length)
})

/** ECDSA signs anew each time: what comes before the signature. */
function headOf(value: string): string {
  return value.split('.').slice(0, 2).join('.')
}

import { expect, it } from 'vitest'
import { Refusal } from '../refusal/refusal.ts'
import { choose } from './choose.ts'
import type { Delegation, OutboundRule } from './workload-policy.ts'

const rule = (
  delegation: Delegation,
  scopes: readonly string[],
  more: Partial<OutboundRule> = {},
): OutboundRule => ({
  policy: 'shop/payments',
  rule: `rule-${scopes.join('-')}`,
  needs: [],
  delegation,
  scopes,
  operations: [{ methods: ['GET'], scopes }],
  ...more,
})

const get = { method: 'GET', path: '/charges' }
const user = { subjectIssuer: 'corp' }
const workload = { subjectIssuer: '' }

/** `subject a b | c`, or the reason. */
const outcome = (
  rules: readonly OutboundRule[],
  subject: typeof user | undefined,
  request = get,
): string => {
  const choice = choose(rules, request, subject)
  if (choice instanceof Refusal) return choice.reason
  const sets = choice.candidates.map(({ operation }) => operation.scopes.join(' '))
  return `${choice.as} ${sets.join(' | ')}`
}

const required = rule('Required', ['r'])
const allowed = rule('Allowed', ['a'])
const forbidden = rule('Forbidden', ['f'])
const corp = rule('Required', ['c'], { subjectIssuers: ['corp'] })
const partner = rule('Required', ['p'], { subjectIssuers: ['partner'] })
const users = rule('Allowed', ['u'], { subjectIssuers: ['corp'] })

it.each<[string, OutboundRule[], typeof user | undefined, string]>([
  [
    'for a user, all rules that let act for him',
    [required, allowed, corp],
    user,
    'subject r | a | c',
  ],
  ['for a user, not those by which it acts as itself', [forbidden, allowed], user, 'subject a'],
  ['for a user, as itself where nothing else is there', [forbidden], user, 'self f'],
  ['for a user of another issuer, nothing', [partner], user, 'subject_not_allowed'],
  ['for a user turned away, never as itself', [forbidden, partner], user, 'subject_not_allowed'],
  ['for a workload, what does not demand a user', [required, allowed], workload, 'subject a'],
  ['for a workload, nothing that demands a user', [required], workload, 'delegation_required'],
  ['for a workload, nothing that names issuers', [users], workload, 'subject_not_allowed'],
  [
    'for itself, what does not demand a user',
    [required, forbidden, allowed],
    undefined,
    'self f | a',
  ],
  ['for itself, nothing that demands a user', [required], undefined, 'delegation_required'],
  ['for itself, nothing that names issuers', [users], undefined, 'subject_not_allowed'],
  [
    'each set of scopes once',
    [rule('Allowed', ['x', 'y']), rule('Allowed', ['y', 'x'])],
    user,
    'subject x y',
  ],
  [
    'a set within another apart',
    [rule('Allowed', ['x', 'y']), rule('Allowed', ['x'])],
    user,
    'subject x y | x',
  ],
  ['nothing without a rule', [], user, 'no_rule'],
  ['nothing that needs the unknown', [rule('Allowed', ['a'], { needs: ['x'] })], user, 'no_rule'],
])('%s', (_, rules, subject, expected) => {
  expect(outcome(rules, subject)).toBe(expected)
})

it('only asks for operations that match', () => {
  expect(outcome([allowed], undefined, { ...get, method: 'POST' })).toBe('no_rule')
})

it('names the rule that stands in the way', () => {
  expect(choose([required], get, undefined)).toMatchObject({
    facts: { policy: 'shop/payments', rule: 'rule-r' },
  })
})

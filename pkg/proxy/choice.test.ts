import { expect, test } from 'vitest'
import { bearer } from '../../test/support/world.ts'
import type { CompiledOperation, Delegation, OutboundRule } from '../policy/workload-policy.ts'
import { Refusal } from '../refusal/refusal.ts'
import { choose } from './choice.ts'
import { subjectOf } from './subject.ts'

const user = subjectOf(
  bearer('web', 'orders', { subject: 'corp:alice', subjectIssuer: 'corp', hash: 'alice' }),
  'a',
)
const workload = subjectOf(bearer('web', 'orders', { hash: 'web' }), 'w')

const rule = (
  delegation: Delegation,
  scopes: readonly string[],
  more: Partial<OutboundRule> & { operation?: Partial<CompiledOperation> } = {},
): OutboundRule => ({
  policy: 'shop/payments',
  rule: delegation,
  needs: [],
  delegation,
  scopes,
  operations: [{ scopes, ...more.operation }],
  ...more,
})

const request = { method: 'GET', path: '/charges' }

/** `subject: a b | c`, or the reason. */
function outcome(
  rules: readonly OutboundRule[],
  subject: typeof user | undefined,
  asked = request,
): string {
  const choice = choose({ rules }, asked, subject)
  if (choice instanceof Refusal) return choice.reason
  const sets = choice.candidates.map(({ operation }) => operation.scopes.join(' '))
  return `${choice.as}: ${sets.join(' | ')}`
}

const required = rule('Required', ['r'])
const allowed = rule('Allowed', ['a'])
const forbidden = rule('Forbidden', ['f'])
const forCorp = rule('Allowed', ['c'], { subjectIssuers: ['corp'] })
const forOther = rule('Required', ['o'], { subjectIssuers: ['other'] })

test.each([
  ['for a user, a rule that demands one', [required], user, 'subject: r'],
  ['for a user, a rule that allows one', [allowed], user, 'subject: a'],
  ['for a user, every rule that lets act for him', [required, allowed], user, 'subject: r | a'],
  ['for a user, not those by which it acts as itself', [forbidden, allowed], user, 'subject: a'],
  ['for a user, as itself where the policy has nothing else', [forbidden], user, 'self: f'],
  ['for a user of the right issuer', [forCorp], user, 'subject: c'],
  ['for a user of another issuer, nothing', [forOther], user, 'subject_not_allowed'],
  [
    'for a user whom a rule turns away, never as itself instead',
    [forOther, forbidden],
    user,
    'subject_not_allowed',
  ],
  ['for a workload, a rule that allows it', [allowed], workload, 'subject: a'],
  ['for a workload, not a rule that demands a user', [required], workload, 'delegation_required'],
  ['for a workload, not a rule for users', [forCorp], workload, 'subject_not_allowed'],
  ['for a workload, as itself where delegation is forbidden', [forbidden], workload, 'self: f'],
  ['for nobody, a rule that allows it', [allowed], undefined, 'self: a'],
  ['for nobody, rules of both kinds', [forbidden, allowed], undefined, 'self: f | a'],
  ['for nobody, not a rule that demands a user', [required], undefined, 'delegation_required'],
  ['for nobody, the one that does not demand a user', [required, allowed], undefined, 'self: a'],
  ['for nobody, not a rule for users', [forCorp], undefined, 'subject_not_allowed'],
  ['without a rule', [], user, 'no_rule'],
  ['without a rule and without a subject', [], undefined, 'no_rule'],
] as const)('%s', (_, rules, subject, expected) => {
  expect(outcome(rules, subject)).toBe(expected)
})

test('an operation that does not match is no reason to ask', () => {
  const post = rule('Allowed', ['w'], { operation: { methods: ['POST'] } })
  expect(outcome([post], undefined)).toBe('no_rule')
  expect(outcome([post], undefined, { method: 'POST', path: '/charges' })).toBe('self: w')
})

test('each set of scopes is asked for once, in whatever order it is written', () => {
  const rules = [rule('Allowed', ['x', 'y']), rule('Allowed', ['y', 'x']), rule('Allowed', ['x'])]
  expect(outcome(rules, user)).toBe('subject: x y | x')
})

test('a rule that needs what is not known here does not exist', () => {
  expect(outcome([rule('Allowed', ['a'], { needs: ['cel'] })], user)).toBe('no_rule')
})

test('the refusal names the rule that came nearest', () => {
  expect(choose({ rules: [required] }, request, undefined)).toMatchObject({
    facts: { policy: 'shop/payments', rule: 'Required' },
  })
})

import { describe, expect, it } from 'vitest'
import { audience, bearer, corpToken, forAlice, identity } from '../../test/support/world.ts'
import type { Bearer } from '../token/claims.ts'
import { decide } from './decide.ts'
import { parseTemplate } from './path.ts'
import type { CompiledOperation, InboundRule, IssuerCaller, PortPolicy } from './workload-policy.ts'

const row = (method: string, path: string, scopes: readonly string[] = []): CompiledOperation => {
  const template = parseTemplate(path)
  if (template.problem !== undefined) throw new Error(template.problem)
  return { methods: [method], paths: [template], scopes }
}

const rule = (name: string, more: Partial<InboundRule> = {}): InboundRule => ({
  policy: 'shop/payments',
  rule: name,
  needs: [],
  delegation: 'Allowed',
  operations: [row('POST', '/charges', ['charges:write'])],
  audience: audience('payments'),
  callers: { [identity('orders')]: 'sa-shop-orders' },
  maxActors: 4,
  issuers: [],
  ...more,
})

const corp = (more: Partial<IssuerCaller> = {}): IssuerCaller => ({
  name: 'corp',
  subjectPrefix: 'corp:',
  audiences: ['shop'],
  ...more,
})

const port = (rules: readonly InboundRule[], more: Partial<PortPolicy> = {}): PortPolicy => ({
  rules,
  public: [],
  subjectIssuers: ['corp', 'other'],
  ...more,
})

const post = { method: 'POST', path: '/charges' }
const scopes = ['charges:write']
const orders = (more: Partial<Bearer> = {}) => bearer('orders', 'payments', { scopes, ...more })
const alice = (more: Partial<Bearer> = {}) => forAlice('orders', 'payments', { scopes, ...more })

/** `allow`, or the reason of the refusal. */
const outcome = (
  policy: PortPolicy | undefined,
  token: Bearer | undefined,
  request: { method: string; path: string | null } = post,
): string => {
  const decision = decide(policy, request, token)
  return decision.kind === 'allow' ? 'allow' : decision.refusal.reason
}

describe('an allowed request', () => {
  it('names policy, rule, scopes and template', () => {
    expect(decide(port([rule('r')]), post, orders())).toEqual({
      kind: 'allow',
      public: false,
      policy: 'shop/payments',
      rule: 'r',
      scopes,
      template: '/charges',
    })
  })

  it('needs one rule of several, whatever their order', () => {
    const rules = [rule('no', { callers: {} }), rule('yes')]
    expect(decide(port(rules), post, orders())).toMatchObject({ rule: 'yes' })
    expect(decide(port(rules.toReversed()), post, orders())).toMatchObject({ rule: 'yes' })
  })

  it('needs one row of several of a rule', () => {
    const operations = [row('POST', '/charges', ['other']), row('POST', '/**', ['charges:write'])]
    expect(decide(port([rule('r', { operations })]), post, orders())).toMatchObject({
      kind: 'allow',
      template: '/**',
    })
  })
})

describe('without a token', () => {
  const open = { public: [{ ...row('GET', '/healthz'), policy: 'shop/payments' }] }

  it('a port that no policy covers is refused', () => {
    expect(outcome(undefined, undefined)).toBe('no_policy')
    expect(outcome(undefined, orders())).toBe('no_policy')
  })

  it('a request is refused', () => {
    expect(outcome(port([rule('r')]), undefined)).toBe('no_token')
  })

  it('even an operation that needs no scope is refused', () => {
    const operations = [row('POST', '/charges')]
    expect(outcome(port([rule('r', { operations })]), undefined)).toBe('no_token')
    expect(outcome(port([rule('r', { operations })]), orders({ scopes: [] }))).toBe('allow')
  })

  it('a public operation is allowed, its neighbours are not', () => {
    const get = (path: string | null) => ({ method: 'GET', path })
    expect(decide(port([], open), get('/healthz'), undefined)).toMatchObject({
      kind: 'allow',
      public: true,
      policy: 'shop/payments',
      rule: '',
    })
    expect(outcome(port([], open), undefined, get('/healthz/'))).toBe('no_token')
    expect(outcome(port([], open), undefined, get(null))).toBe('no_token')
  })

  it('a public operation stays allowed with a token that no rule takes', () => {
    const request = { method: 'GET', path: '/healthz' }
    expect(decide(port([rule('r')], open), request, orders())).toMatchObject({ public: true })
  })

  it('a rule that allows goes before the public operation, so the caller is known', () => {
    const request = { method: 'GET', path: '/healthz' }
    const operations = [row('GET', '/healthz')]
    const decision = decide(port([rule('r', { operations })], open), request, orders())
    expect(decision).toMatchObject({ public: false, rule: 'r' })
  })
})

describe('a token of ours', () => {
  const table: [string, Partial<InboundRule>, Bearer, string][] = [
    ['of a caller that is named', {}, orders(), 'allow'],
    ['of another caller', {}, bearer('web', 'payments', { scopes }), 'caller_not_allowed'],
    ['of a recreated account', {}, orders({ clientUid: 'newer' }), 'caller_not_allowed'],
    [
      'of no UID, where the rule holds none',
      { callers: { [identity('orders')]: '' } },
      orders({ clientUid: '' }),
      'caller_not_allowed',
    ],
    ['named like a member of Object', {}, orders({ client: '__proto__' }), 'caller_not_allowed'],
    ['for another audience', {}, bearer('orders', 'web', { scopes }), 'token_audience'],
    ['with a scope short', {}, orders({ scopes: ['charges:read'] }), 'insufficient_scope'],
    ['with more scopes', {}, orders({ scopes: ['a', 'charges:write'] }), 'allow'],
    ['for itself, Required', { delegation: 'Required' }, orders(), 'delegation_required'],
    ['for a user, Required', { delegation: 'Required' }, alice(), 'allow'],
    [
      'for a workload, Required',
      { delegation: 'Required' },
      alice({ subject: identity('web'), subjectIssuer: '' }),
      'delegation_required',
    ],
    [
      'for a user with nobody who acts, Required',
      { delegation: 'Required' },
      alice({ actors: [] }),
      'delegation_required',
    ],
    ['for itself, Allowed', { delegation: 'Allowed' }, orders(), 'allow'],
    ['for a user, Allowed', { delegation: 'Allowed' }, alice(), 'allow'],
    [
      'for a workload, Allowed',
      {},
      alice({ subject: identity('web'), subjectIssuer: '' }),
      'allow',
    ],
    ['for a user with nobody who acts, Allowed', {}, alice({ actors: [] }), 'caller_not_allowed'],
    ['for itself, Forbidden', { delegation: 'Forbidden' }, orders(), 'allow'],
    ['for a user, Forbidden', { delegation: 'Forbidden' }, alice(), 'delegation_forbidden'],
    [
      'for itself through another, Forbidden',
      { delegation: 'Forbidden' },
      orders({ actors: [identity('orders'), identity('web')] }),
      'delegation_forbidden',
    ],
    [
      'whose outermost actor is another',
      {},
      alice({ actors: [identity('web'), identity('orders')] }),
      'caller_not_allowed',
    ],
    [
      'for itself and said to be a user',
      {},
      orders({ subjectIssuer: 'corp' }),
      'caller_not_allowed',
    ],
    [
      'whose own token lacked a scope',
      { subjectScopes: ['a', 'b'] },
      alice({ subjectScopes: ['a'] }),
      'subject_scope',
    ],
    [
      'whose own token had every scope',
      { subjectScopes: ['a', 'b'] },
      alice({ subjectScopes: ['b', 'a'] }),
      'allow',
    ],
    ['of an allowed issuer', { subjectIssuers: ['corp'] }, alice(), 'allow'],
    ['of another issuer', { subjectIssuers: ['partner'] }, alice(), 'subject_not_allowed'],
    [
      'for itself, where users are named',
      { subjectIssuers: ['corp'] },
      orders(),
      'subject_not_allowed',
    ],
    [
      'with as many actors as allowed',
      { maxActors: 2 },
      alice({ actors: [identity('orders'), identity('web')] }),
      'allow',
    ],
    [
      'with one actor more than allowed',
      { maxActors: 1 },
      alice({ actors: [identity('orders'), identity('web')] }),
      'actor_chain_too_long',
    ],
    ['under a rule that needs the unknown', { needs: ['telepathy'] }, orders(), 'no_rule'],
  ]
  it.each(table)('%s', (_, more, token, expected) => {
    expect(outcome(port([rule('r', more)]), token)).toBe(expected)
  })

  it('is for another operation', () => {
    expect(outcome(port([rule('r')]), orders(), { method: 'GET', path: '/charges' })).toBe(
      'no_rule',
    )
    expect(outcome(port([rule('r')]), orders(), { method: 'POST', path: null })).toBe('no_rule')
  })

  it('of an issuer that uses our audience speaks for nobody', () => {
    const token = orders({ origin: 'issuer', issuerName: 'corp' })
    expect(outcome(port([rule('r')]), token)).toBe('token_audience')
  })

  it('is judged by the rules of its own audience alone', () => {
    const other = rule('other', { audience: audience('web') })
    const mine = rule('mine', { operations: [] })
    expect(outcome(port([other, mine]), orders())).toBe('no_rule')
    expect(outcome(port([other]), orders())).toBe('token_audience')
    expect(outcome(port([]), orders())).toBe('no_rule')
  })
})

describe('a token of a TrustedIssuer', () => {
  const users = (entry: Partial<IssuerCaller> = {}, more: Partial<InboundRule> = {}) =>
    rule('users', { callers: {}, issuers: [corp(entry)], ...more })
  const required: Partial<InboundRule> = { delegation: 'Required' }
  const forbidden: Partial<InboundRule> = { delegation: 'Forbidden' }
  const portal = corpToken({ client: 'portal', subject: 'corp:portal', scopes })
  const token = (more: Partial<Bearer> = {}) => corpToken({ scopes, ...more })

  const table: [string, InboundRule, Bearer, string][] = [
    ['of an issuer that is named', users(), token(), 'allow'],
    ['of another issuer', users(), token({ issuerName: 'partner' }), 'token_audience'],
    ['for another audience of the issuer', users(), token({ audiences: ['x'] }), 'token_audience'],
    [
      'for several audiences, one of them ours',
      users(),
      token({ audiences: ['x', 'shop'] }),
      'allow',
    ],
    ['with a scope short', users(), token({ scopes: [] }), 'insufficient_scope'],
    ['whose client fits a beginning', users({ clients: ['x', 'portal*'] }), token(), 'allow'],
    ['whose client is named', users({ clients: ['portal-1'] }), token(), 'allow'],
    ['whose client only begins so', users({ clients: ['portal'] }), token(), 'caller_not_allowed'],
    [
      'with no client, where any is named',
      users({ clients: ['*'] }),
      token({ client: '' }),
      'caller_not_allowed',
    ],
    ['with no client, where none is named', users(), token({ client: '' }), 'allow'],
    ['whose subject is named without prefix', users({ subjects: ['alice'] }), token(), 'allow'],
    [
      'whose subject is named with its prefix',
      users({ subjects: ['corp:alice'] }),
      token(),
      'caller_not_allowed',
    ],
    ['whose subject fits a beginning', users({ subjects: ['al*'] }), token(), 'allow'],
    ['whose subject is another', users({ subjects: ['bob'] }), token(), 'caller_not_allowed'],
    [
      'whose subject lacks the prefix',
      users({ subjects: ['alice'] }),
      token({ subject: 'crop:alice' }),
      'caller_not_allowed',
    ],
    [
      'where client fits and subject does not',
      users({ clients: ['*'], subjects: ['bob'] }),
      token(),
      'caller_not_allowed',
    ],
    ['of a user through a client, Required', users({}, required), token(), 'allow'],
    ['of a client itself, Required', users({}, required), portal, 'delegation_required'],
    [
      'that names no client, Required',
      users({}, required),
      token({ client: '' }),
      'delegation_required',
    ],
    [
      'of a user through a client, Forbidden',
      users({}, forbidden),
      token(),
      'delegation_forbidden',
    ],
    ['of a client itself, Forbidden', users({}, forbidden), portal, 'allow'],
    ['that names no client, Forbidden', users({}, forbidden), token({ client: '' }), 'allow'],
    [
      'of a user of another issuer than asked',
      users({}, { subjectIssuers: ['x'] }),
      token(),
      'subject_not_allowed',
    ],
    [
      'of a user of an issuer that is asked',
      users({}, { subjectIssuers: ['corp'] }),
      token(),
      'allow',
    ],
  ]
  it.each(table)('%s', (_, policyRule, bearer, expected) => {
    expect(outcome(port([policyRule]), bearer)).toBe(expected)
  })

  it('does not pass as a workload of ours, whatever its client is called', () => {
    const stolen = token({ client: identity('orders'), clientUid: 'sa-shop-orders' })
    expect(outcome(port([rule('r', { issuers: [] })]), stolen)).toBe('token_audience')
  })

  it('for this Service, but of an issuer that no rule names', () => {
    const policy = port([rule('r')], { issuerAudiences: { corp: ['shop'] } })
    expect(outcome(policy, token())).toBe('caller_not_allowed')
    expect(outcome(policy, token({ audiences: ['x'] }))).toBe('token_audience')
    expect(outcome(policy, token({ issuerName: 'constructor' }))).toBe('token_audience')
  })

  it('for this Service by an audience that names another target of the port', () => {
    const policy = port([users({ audiences: ['ledger'] })], { issuerAudiences: { corp: ['shop'] } })
    expect(outcome(policy, token())).toBe('caller_not_allowed')
    expect(outcome(policy, token({ audiences: ['ledger'] }))).toBe('allow')
  })
})

describe('the refusal that is reported', () => {
  const short = rule('short', { operations: [row('POST', '/charges', ['charges:all', 'b'])] })
  const subject = rule('subject', { subjectIssuers: ['partner'] })
  const chain = rule('chain', { maxActors: 0 })
  const delegation = rule('delegation', { delegation: 'Forbidden' })
  const caller = rule('caller', { callers: {} })
  const asked = rule('asked', { subjectScopes: ['none'] })
  const ladder = [caller, delegation, chain, subject, asked, short]

  it.each([
    [6, 'insufficient_scope', 'short'],
    [5, 'subject_scope', 'asked'],
    [4, 'subject_not_allowed', 'subject'],
    [3, 'actor_chain_too_long', 'chain'],
    [2, 'delegation_forbidden', 'delegation'],
    [1, 'caller_not_allowed', 'caller'],
  ])('of the nearest %i rules: %s', (count, reason, name) => {
    for (const rules of [ladder.slice(0, count), ladder.slice(0, count).toReversed()]) {
      const decision = decide(port(rules), post, alice())
      if (decision.kind === 'allow') throw new Error('allowed')
      expect(decision.refusal.reason).toBe(reason)
      expect(decision.refusal.facts).toMatchObject({ policy: 'shop/payments', rule: name })
    }
  })

  it('names the scopes that would have been enough', () => {
    const decision = decide(port([short]), post, alice())
    if (decision.kind === 'allow') throw new Error('allowed')
    expect(decision.refusal.facts.scope).toBe('charges:all b')
  })
})

it('refuses a user of an issuer that is trusted no more, and allows one of an issuer that is', () => {
  const rules = [rule('r')]
  expect(outcome(port(rules, { subjectIssuers: ['corp'] }), alice())).toBe('allow')
  expect(outcome(port(rules, { subjectIssuers: ['other'] }), alice())).toBe('subject_not_allowed')
  expect(outcome(port(rules, { subjectIssuers: [] }), alice())).toBe('subject_not_allowed')
})

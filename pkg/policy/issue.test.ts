import { describe, expect, it } from 'vitest'
import { audience, bearer, corpToken, forAlice, identity } from '../../test/support/world.ts'
import { Refusal } from '../refusal/refusal.ts'
import { decideIssue, type Grant, type IssueQuestion, type IssueSubject } from './issue.ts'
import type { Edge } from './workload-policy.ts'

const edge = (more: Partial<Edge> = {}): Edge => ({
  policy: 'shop/payments',
  rule: 'r',
  needs: [],
  client: identity('orders'),
  clientUid: 'sa-shop-orders',
  audience: audience('payments'),
  scopes: ['charges:read', 'charges:write'],
  delegation: 'Allowed',
  subjectScopes: [],
  lifetimeSeconds: 300,
  maxActors: 4,
  ...more,
})

const ask = (edges: readonly Edge[], more: Partial<IssueQuestion> = {}): Grant | Refusal =>
  decideIssue({ edges, client: identity('orders'), ...more })

const granted = (outcome: Grant | Refusal): Grant => {
  if (outcome instanceof Refusal) throw outcome
  return outcome
}

const result = (outcome: Grant | Refusal): string =>
  outcome instanceof Refusal ? outcome.reason : 'granted'

/** alice's token for orders, which web obtained. */
const alice = (more: Partial<IssueSubject> = {}): IssueSubject => ({
  ...forAlice('web', 'orders', { scopes: ['orders:create'] }),
  ...more,
})

describe('where to (rule 2)', () => {
  it('nowhere without an edge', () => {
    expect(result(ask([]))).toBe('invalid_target')
  })
  it('nowhere by the edge of another client', () => {
    expect(result(ask([edge({ client: identity('web') })]))).toBe('invalid_target')
  })
  it('nowhere by an edge that needs what is not known', () => {
    expect(result(ask([edge({ needs: ['telepathy'] })]))).toBe('invalid_target')
    expect(result(ask([edge()]))).toBe('granted')
  })
})

describe('scopes (rule 3)', () => {
  it('are what was asked, once each', () => {
    const asked = ['charges:write', 'charges:write']
    expect(granted(ask([edge()], { asked })).scopes).toEqual(['charges:write'])
  })
  it('are all that the edge grants when none are named', () => {
    expect(granted(ask([edge()])).scopes).toEqual(['charges:read', 'charges:write'])
  })
  it('are none when none are asked for', () => {
    expect(granted(ask([edge()], { asked: [] })).scopes).toEqual([])
  })
  it('are never silently fewer: one too many is a refusal', () => {
    expect(result(ask([edge()], { asked: ['charges:read', 'other'] }))).toBe('invalid_scope')
  })
  it('are not put together from several edges', () => {
    const edges = [edge({ scopes: ['a'] }), edge({ scopes: ['b'] })]
    expect(result(ask(edges, { asked: ['a', 'b'] }))).toBe('invalid_scope')
    expect(result(ask(edges, { asked: ['b'] }))).toBe('granted')
  })
  it('for the same audience are within those of the subject token', () => {
    const subject = forAlice('web', 'payments', { scopes: ['charges:read', 'x'] })
    expect(granted(ask([edge()], { subject })).scopes).toEqual(['charges:read'])
    expect(result(ask([edge()], { subject, asked: ['charges:write'] }))).toBe('invalid_scope')
    expect(result(ask([edge()], { subject, asked: ['charges:read'] }))).toBe('granted')
  })
})

describe('delegation (rule 4)', () => {
  const workload = bearer('web', 'orders')
  const table: [Edge['delegation'], string, IssueSubject | undefined, string][] = [
    ['Required', 'a user', alice(), 'granted'],
    ['Required', 'a user of an issuer directly', corpToken(), 'granted'],
    ['Required', 'a workload', workload, 'delegation_required'],
    ['Required', 'itself', undefined, 'delegation_required'],
    ['Allowed', 'a user', alice(), 'granted'],
    ['Allowed', 'a workload', workload, 'granted'],
    ['Allowed', 'itself', undefined, 'granted'],
    ['Forbidden', 'a user', alice(), 'delegation_forbidden'],
    ['Forbidden', 'a workload', workload, 'delegation_forbidden'],
    ['Forbidden', 'itself', undefined, 'granted'],
    [
      'Forbidden',
      'itself, come back through another',
      bearer('web', 'orders', { subject: identity('orders'), actors: [identity('web')] }),
      'delegation_forbidden',
    ],
    [
      'Forbidden',
      'its own token for something else',
      bearer('orders', 'orders'),
      'delegation_forbidden',
    ],
  ]
  it.each(table)('%s, on behalf of %s', (delegation, _, subject, expected) => {
    expect(result(ask([edge({ delegation })], { subject }))).toBe(expected)
  })

  it('puts the client outermost, older actors inside', () => {
    const { actors } = granted(ask([edge()], { subject: alice() }))
    expect(actors).toEqual([identity('orders'), identity('web')])
  })
  it('has no actor where the client acts as itself', () => {
    expect(granted(ask([edge()])).actors).toEqual([])
  })
  it('bounds the chain by the edge, the client included', () => {
    expect(result(ask([edge({ maxActors: 2 })], { subject: alice() }))).toBe('granted')
    expect(result(ask([edge({ maxActors: 1 })], { subject: alice() }))).toBe('actor_chain_too_long')
  })
})

describe('the subject', () => {
  it('is of an issuer that the edge names', () => {
    const users = edge({ subjectIssuers: ['corp'] })
    expect(result(ask([users], { subject: alice() }))).toBe('granted')
    const other = alice({ subjectIssuer: 'partner' })
    expect(result(ask([users], { subject: other }))).toBe('subject_not_allowed')
    expect(result(ask([users], { subject: bearer('web', 'orders') }))).toBe('subject_not_allowed')
    expect(result(ask([users]))).toBe('subject_not_allowed')
  })
  it('has every scope that the edge asks of its token', () => {
    const careful = edge({ subjectScopes: ['orders:create'] })
    expect(result(ask([careful], { subject: alice() }))).toBe('granted')
    expect(result(ask([careful], { subject: alice({ scopes: ['x'] }) }))).toBe('subject_scope')
    expect(result(ask([careful]))).toBe('subject_scope')
  })
  it('shows of its scopes what the edges to this audience ask for, and no other', () => {
    const edges = [
      edge({ lifetimeSeconds: 60 }),
      edge({ rule: 'a', subjectScopes: ['a', 'b'] }),
      edge({ rule: 'c', subjectScopes: ['c'] }),
    ]
    const grant = granted(ask(edges, { subject: alice({ scopes: ['c', 'a', 'own'] }) }))
    expect(grant.edge.rule).toBe('r')
    expect(grant.subjectScopes).toEqual(['a', 'c'])
    expect(granted(ask(edges)).subjectScopes).toEqual([])
  })
})

describe('a client that narrows its own token', () => {
  const own = forAlice('orders', 'payments', {
    scopes: ['charges:read'],
    subjectScopes: ['orders:create'],
  })
  const careful = edge({ subjectScopes: ['orders:create'], maxActors: 1, delegation: 'Required' })

  it('adds no actor, and what is known of its subject stays known', () => {
    const grant = granted(ask([careful], { subject: own, asked: ['charges:read'] }))
    expect(grant).toMatchObject({
      actors: [identity('orders')],
      scopes: ['charges:read'],
      subjectScopes: ['orders:create'],
    })
  })
  it('cannot slip under a rule that asks for more of its subject', () => {
    const subject = { ...own, subjectScopes: [] }
    expect(result(ask([careful], { subject }))).toBe('subject_scope')
  })
  it('stays itself, where delegation is Forbidden', () => {
    const subject = bearer('orders', 'payments', { scopes: ['charges:read'] })
    const forbidden = edge({ delegation: 'Forbidden' })
    expect(granted(ask([forbidden], { subject })).actors).toEqual([])
  })
  it('cannot make a delegation of a token that has no actor', () => {
    const subject = { ...own, actors: [] }
    expect(result(ask([careful], { subject }))).toBe('delegation_required')
    expect(result(ask([edge({ delegation: 'Forbidden' })], { subject }))).toBe(
      'delegation_forbidden',
    )
  })
  it('never widens', () => {
    expect(result(ask([careful], { subject: own, asked: ['charges:write'] }))).toBe('invalid_scope')
  })
  it("is not one that presents another client's, or an issuer's", () => {
    const others = { ...own, client: identity('web'), actors: [identity('web')] }
    expect(result(ask([careful], { subject: others }))).toBe('actor_chain_too_long')
    const foreign = corpToken({
      client: identity('orders'),
      audiences: [audience('payments')],
      scopes: ['charges:read'],
    })
    expect(result(ask([careful], { subject: foreign }))).toBe('subject_scope')
  })
})

describe('of several edges', () => {
  const long = edge({ rule: 'a-long', lifetimeSeconds: 600 })
  const short = edge({ rule: 'b-short', lifetimeSeconds: 60 })
  const same = edge({ rule: 'c-short', lifetimeSeconds: 60 })
  const other = edge({ policy: 'shop/a', rule: 'z', lifetimeSeconds: 60 })

  it('the shortest lifetime counts, in any order', () => {
    for (const edges of [
      [long, short],
      [short, long],
    ]) {
      expect(granted(ask(edges))).toMatchObject({ edge: short, lifetimeSeconds: 60 })
    }
  })
  it('then the policy, then the rule by name', () => {
    expect(granted(ask([same, short])).edge).toBe(short)
    expect(granted(ask([short, other])).edge).toBe(other)
  })
  it('one that does not serve is not in the way of one that does', () => {
    const required = edge({ rule: 'required', delegation: 'Required', lifetimeSeconds: 30 })
    expect(granted(ask([required, long])).edge).toBe(long)
  })
  it('the one that came furthest says why not', () => {
    const edges = [
      edge({ rule: 'scope', scopes: [] }),
      edge({ rule: 'delegation', delegation: 'Forbidden' }),
      edge({ rule: 'issuer', subjectIssuers: ['partner'] }),
      edge({ rule: 'subject', subjectScopes: ['x'] }),
    ]
    const asked = ['charges:read']
    const reasons = [
      'invalid_scope',
      'delegation_forbidden',
      'subject_not_allowed',
      'subject_scope',
    ]
    for (const [i, reason] of reasons.entries()) {
      for (const some of [edges.slice(0, i + 1), edges.slice(0, i + 1).toReversed()]) {
        const refusal = ask(some, { subject: alice(), asked })
        expect(refusal).toMatchObject({ reason, facts: { rule: edges[i]?.rule } })
      }
    }
  })
})

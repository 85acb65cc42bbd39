import { describe, expect, it } from 'vitest'
import { issuer, policy, service, shop, target } from '../../test/support/world.ts'
import type { AccessPolicy, AccessPolicySpec } from '../api/types.ts'
import { compile } from './compile.ts'
import type { Verdict } from './verdict.ts'

const verdictOn = (kind: Verdict['kind'], name: string, more: Parameters<typeof shop>[0]) => {
  const found = compile(shop(more)).verdicts.find((row) => row.kind === kind && row.name === name)
  if (found === undefined) throw new Error(`nothing is said about ${kind} ${name}`)
  return found
}

/** The whole of what is enforced, verdicts aside. */
const enforced = (more: Parameters<typeof shop>[0]) => {
  const { sidecars, authority } = compile(shop(more))
  return { sidecars: [...sidecars], authority }
}

const spec: AccessPolicySpec = {
  targetRefs: [target('payments')],
  rules: [{ name: 'r', from: [{ serviceAccount: { name: 'web' } }], scopes: ['a'] }],
}

const withSpec = (change: (draft: Draft) => void): AccessPolicy => {
  const draft = structuredClone(spec) as unknown as Draft
  change(draft)
  return policy('shop', 'p', draft as unknown as AccessPolicySpec)
}

/** A spec that any mistake can be made in. */
interface Draft {
  [name: string]: unknown
  targetRefs: Record<string, unknown>[]
  rules: Record<string, unknown>[]
}

type Row = Record<string, unknown>

const first = (draft: Draft): Row => draft.rules[0] ?? {}

describe('an AccessPolicy that is not wholly understood is Invalid and allows nothing', () => {
  const op = (row: unknown) => (draft: Draft) => (first(draft)['operations'] = [row])
  const from = (source: unknown) => (draft: Draft) => (first(draft)['from'] = [source])
  const put = (name: string, value: unknown) => (draft: Draft) => (first(draft)[name] = value)
  const sa = (more: object) => ({ serviceAccount: { name: 'web', ...more } })
  const corp = (more: object) => ({ issuer: { name: 'corp', ...more } })

  const table: [string, string, (draft: Draft) => unknown][] = [
    ['an unknown field of the spec', 'spec.mode', (d) => (d['mode'] = 'Audit')],
    ['an unknown field of a rule', 'spec.rules[0].when', put('when', 'true')],
    [
      'an unknown field of a source',
      'spec.rules[0].from[0].serviceAccount.uid',
      from(sa({ uid: 'x' })),
    ],
    ['an unknown kind of source', 'spec.rules[0].from[0].client', from({ client: { name: 'x' } })],
    ['an unknown field of an operation', 'spec.rules[0].operations[0].grpc', op({ grpc: {} })],
    [
      'an unknown field of the subject',
      'spec.rules[0].subject.groups',
      put('subject', { groups: [] }),
    ],
    [
      'an unknown field of the token',
      'spec.rules[0].token.format',
      put('token', { format: 'JWT' }),
    ],
    [
      'an unknown field of public',
      'spec.public[0].scopes',
      (d) => (d['public'] = [{ paths: ['/a'], scopes: [] }]),
    ],
    [
      'an unknown field of a target',
      'spec.targetRefs[0].namespace',
      (d) => (d.targetRefs[0] = { ...target('web'), namespace: 'x' }),
    ],
    ['no target', 'spec.targetRefs', (d) => (d.targetRefs = [])],
    [
      'a target of another kind',
      'spec.targetRefs[0].kind',
      (d) => (d.targetRefs[0] = { ...target('web'), kind: 'Pod' }),
    ],
    [
      'a target of another group',
      'spec.targetRefs[0].group',
      (d) => (d.targetRefs[0] = { ...target('web'), group: 'x' }),
    ],
    [
      'a target whose name could be a host',
      'spec.targetRefs[0].name',
      (d) => (d.targetRefs[0] = target('payments.shop')),
    ],
    ['rules that are no list', 'spec.rules', (d) => ((d as Row)['rules'] = {})],
    ['rules of null', 'spec.rules', (d) => ((d as Row)['rules'] = null)],
    ['a rule with no name', 'spec.rules[0].name', put('name', undefined)],
    ['two rules of one name', 'spec.rules[1].name', (d) => (d.rules = [first(d), first(d)])],
    ['an empty from', 'spec.rules[0].from', put('from', [])],
    ['no from', 'spec.rules[0].from', put('from', undefined)],
    ['a source that is two', 'spec.rules[0].from[0]', from({ ...sa({}), ...corp({}) })],
    ['a source that is none', 'spec.rules[0].from[0]', from({})],
    [
      'a wildcard for an account',
      'spec.rules[0].from[0].serviceAccount.name',
      from(sa({ name: '*' })),
    ],
    ['an account of null', 'spec.rules[0].from[0].serviceAccount', from({ serviceAccount: null })],
    [
      'a namespace of null',
      'spec.rules[0].from[0].serviceAccount.namespace',
      from(sa({ namespace: null })),
    ],
    [
      'a name with a slash',
      'spec.rules[0].from[0].serviceAccount.name',
      from(sa({ name: 'a/sa/b' })),
    ],
    [
      'an issuer that nobody knows',
      'spec.rules[0].from[0].issuer.name',
      from(corp({ name: 'crop' })),
    ],
    [
      'an empty list of clients',
      'spec.rules[0].from[0].issuer.clients',
      from(corp({ clients: [] })),
    ],
    ['clients of null', 'spec.rules[0].from[0].issuer.clients', from(corp({ clients: null }))],
    [
      'an asterisk at the beginning',
      'spec.rules[0].from[0].issuer.subjects[0]',
      from(corp({ subjects: ['*x'] })),
    ],
    [
      'two asterisks',
      'spec.rules[0].from[0].issuer.subjects[0]',
      from(corp({ subjects: ['x**'] })),
    ],
    ['a scope with a blank', 'spec.rules[0].scopes[0]', put('scopes', ['a b'])],
    ['an empty scope', 'spec.rules[0].scopes[0]', put('scopes', [''])],
    ['a scope that is too long', 'spec.rules[0].scopes[0]', put('scopes', ['x'.repeat(65)])],
    [
      'too many scopes',
      'spec.rules[0].scopes',
      put(
        'scopes',
        Array.from({ length: 33 }, (_, i) => `s${i}`),
      ),
    ],
    ['a delegation that does not exist', 'spec.rules[0].delegation', put('delegation', 'required')],
    ['a delegation of null', 'spec.rules[0].delegation', put('delegation', null)],
    [
      'a subject issuer that nobody knows',
      'spec.rules[0].subject.issuers[0]',
      put('subject', { issuers: ['crop'] }),
    ],
    [
      'an empty list of subject issuers',
      'spec.rules[0].subject.issuers',
      put('subject', { issuers: [] }),
    ],
    ['a subject of null', 'spec.rules[0].subject', put('subject', null)],
    [
      'a subject where delegation is Forbidden',
      'spec.rules[0].subject',
      (d) => Object.assign(first(d), { delegation: 'Forbidden', subject: { issuers: ['corp'] } }),
    ],
    ['operations of null', 'spec.rules[0].operations', put('operations', null)],
    ['an operation of null', 'spec.rules[0].operations[0]', op(null)],
    [
      'a scope that the rule has not',
      'spec.rules[0].operations[0].scopes[0]',
      op({ scopes: ['b'] }),
    ],
    ['scopes of null', 'spec.rules[0].operations[0].scopes', op({ scopes: null })],
    ['a method in lower case', 'spec.rules[0].operations[0].methods[0]', op({ methods: ['get'] })],
    ['methods that are one text', 'spec.rules[0].operations[0].methods', op({ methods: 'GET' })],
    ['an empty list of methods', 'spec.rules[0].operations[0].methods', op({ methods: [] })],
    ['an empty list of paths', 'spec.rules[0].operations[0].paths', op({ paths: [] })],
    ['paths of null', 'spec.rules[0].operations[0].paths', op({ paths: null })],
    [
      'a template that is not canonical',
      'spec.rules[0].operations[0].paths[0]',
      op({ paths: ['/a/../b'] }),
    ],
    ['public with no paths', 'spec.public[0].paths', (d) => (d['public'] = [{ methods: ['GET'] }])],
    [
      'a lifetime that is too short',
      'spec.rules[0].token.lifetime',
      put('token', { lifetime: '29s' }),
    ],
    [
      'a lifetime that is too long',
      'spec.rules[0].token.lifetime',
      put('token', { lifetime: '1h1s' }),
    ],
    ['a lifetime with no unit', 'spec.rules[0].token.lifetime', put('token', { lifetime: '300' })],
    ['a lifetime of nothing', 'spec.rules[0].token.lifetime', put('token', { lifetime: '' })],
    [
      'a lifetime that is a number',
      'spec.rules[0].token.lifetime',
      put('token', { lifetime: 300 }),
    ],
    ['a token of null', 'spec.rules[0].token', put('token', null)],
  ]
  const nothing = enforced({ policies: [] })

  it.each(table)('%s', (_, field, change) => {
    const policies = [withSpec(change)]
    const verdict = verdictOn('AccessPolicy', 'p', { policies })
    expect(verdict.conditions).toMatchObject([{ status: 'False', reason: 'Invalid' }])
    expect(verdict.problems.map((problem) => problem.field)).toContain(field)
    expect(verdict.conditions[0]?.message).toContain(field)
    expect(enforced({ policies })).toEqual(nothing)
  })

  it('and its twin without a mistake is Accepted', () => {
    const policies = [withSpec(() => undefined)]
    expect(verdictOn('AccessPolicy', 'p', { policies }).conditions[0]?.reason).toBe('Accepted')
    expect(enforced({ policies })).not.toEqual(nothing)
  })

  it('says all that is wrong, up to a bound', () => {
    const scopes = Array.from({ length: 32 }, () => 'a b')
    const { problems, conditions } = verdictOn('AccessPolicy', 'p', {
      policies: [withSpec(put('scopes', scopes))],
    })
    expect(problems).toHaveLength(32)
    expect(conditions[0]?.message).toMatch(/and 24 more$/)
  })
})

describe('the targets of an AccessPolicy', () => {
  const condition = (change: (draft: Draft) => unknown, more: Parameters<typeof shop>[0] = {}) =>
    verdictOn('AccessPolicy', 'p', { policies: [withSpec(change)], ...more }).conditions

  it('exist', () => {
    expect(condition((d) => (d.targetRefs = [target('gone')]))).toMatchObject([
      {
        status: 'False',
        reason: 'TargetNotFound',
        message: expect.stringContaining('shop/gone') as string,
      },
    ])
  })
  it('exist in the namespace of the policy', () => {
    const services = [service('elsewhere', 'payments')]
    expect(condition(() => undefined, { services })).toMatchObject([{ reason: 'TargetNotFound' }])
  })
  it('have the port that is named', () => {
    const section = (sectionName: string) => (d: Draft) =>
      (d.targetRefs = [{ ...target('payments'), sectionName }])
    expect(condition(section('grpc'))).toMatchObject([{ reason: 'TargetNotFound' }])
    expect(condition(section('http'))).toMatchObject([{ reason: 'Accepted' }])
  })
  it.each([[undefined], [{}]])('have a selector, not %j', (selector) => {
    const { clusterIPs, ports } = service('shop', 'payments').spec
    const rest = { clusterIPs, ports }
    const services = [
      { ...service('shop', 'payments'), spec: selector ? { ...rest, selector } : rest },
    ]
    expect(condition(() => undefined, { services })).toMatchObject([{ reason: 'NoSelector' }])
  })
  it('may have no pods, which is said', () => {
    expect(condition(() => undefined, { pods: [] })).toMatchObject([
      { type: 'Accepted', status: 'True' },
      { type: 'Programmed', status: 'False', reason: 'NoWorkloads' },
    ])
  })
  it('are found together or not at all', () => {
    const policies = [withSpec((d) => (d.targetRefs = [target('payments'), target('gone')]))]
    expect(enforced({ policies })).toEqual(enforced({ policies: [] }))
  })
  it('name the pods that they concern', () => {
    expect(verdictOn('AccessPolicy', 'payments', {}).pods).toEqual(['pod-shop-payments-0'])
  })
})

describe('what lets nobody in is said, and the rest of the policy counts', () => {
  const messageOn = (from: readonly object[], more: Parameters<typeof shop>[0] = {}) =>
    verdictOn('AccessPolicy', 'p', {
      policies: [withSpec((d) => (first(d)['from'] = from))],
      ...more,
    }).conditions[0]

  it('a ServiceAccount that does not exist', () => {
    expect(messageOn([{ serviceAccount: { name: 'gone' } }])).toMatchObject({
      status: 'True',
      message: expect.stringContaining('no ServiceAccount shop/gone') as string,
    })
  })
  it('an issuer that has no audience for the Service', () => {
    expect(messageOn([{ issuer: { name: 'corp' } }])).toMatchObject({
      status: 'True',
      message: expect.stringContaining('no audience for Service shop/payments') as string,
    })
  })
  it('an issuer that is not accepted', () => {
    const issuers = [issuer('corp', { algorithms: [] })]
    expect(messageOn([{ issuer: { name: 'corp' } }], { issuers })).toMatchObject({
      status: 'True',
      message: expect.stringContaining('corp is not accepted') as string,
    })
  })
})

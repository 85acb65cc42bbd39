import { describe, expect, it } from 'vitest'
import { audience, identity, policy, shop, target } from '../../test/support/world.ts'
import { compile } from './compile.ts'
import { explain, type Explanation, type ExplainQuestion } from './explain.ts'
import type { World } from './world.ts'

const alice = { issuer: 'corp', id: 'alice' }

const ask = (
  from: string,
  to: string,
  request: string,
  more: Partial<ExplainQuestion> & { world?: World } = {},
): Explanation => {
  const { world = shop(), ...rest } = more
  const [method = '', path = ''] = request.split(' ')
  const question = {
    from: { namespace: 'shop', name: from },
    to: { namespace: 'shop', name: to },
    method,
    path,
    ...rest,
  }
  return explain(world, compile(world), question)
}

describe('explain', () => {
  it('shows what is issued and which operation allows', () => {
    const { ports, subject, path, notes } = ask('orders', 'payments', 'POST /charges?x=1', {
      subject: alice,
    })
    expect({ subject, path, notes }).toEqual({
      subject: 'corp:alice',
      path: '/charges',
      notes: ["takes it that the user's token carries orders:create"],
    })
    expect(ports).toMatchObject([
      {
        id: 'shop/payments:80',
        audience: audience('payments'),
        allowed: true,
        public: false,
        policy: 'shop/payments',
        rule: 'orders-charges',
        token: {
          rule: 'orders-charges',
          subject: 'corp:alice',
          actors: [identity('orders')],
          scopes: ['charges:write'],
          lifetimeSeconds: 120,
        },
        rules: [
          {
            field: 'spec.rules[0]',
            allows: true,
            namesCaller: true,
            operations: [
              { field: 'spec.rules[0].operations[0]', matches: true, scopes: ['charges:write'] },
              { field: 'spec.rules[0].operations[1]', matches: false, differs: 'method' },
            ],
          },
        ],
        publicOperations: [{ field: 'spec.public[0]', matches: false, differs: 'method' }],
      },
    ])
  })

  it('says that a user is missing', () => {
    expect(ask('orders', 'payments', 'POST /charges').ports[0]).toMatchObject({
      allowed: false,
      reason: 'delegation_required',
      refusedBy: 'caller',
      rules: [{ allows: false, reason: 'delegation_required' }],
    })
  })

  it('says that the user lacks a scope, or has it', () => {
    const by = (scopes: string[]) =>
      ask('orders', 'payments', 'POST /charges', { subject: { ...alice, scopes } }).ports[0]
    expect(by(['x'])).toMatchObject({
      allowed: false,
      reason: 'subject_scope',
      refusedBy: 'authority',
    })
    expect(by(['orders:create'])).toMatchObject({ allowed: true })
  })

  it('says that the issuer of the user is not trusted', () => {
    const subject = { issuer: 'nobody', id: 'alice' }
    const { ports, notes } = ask('web', 'orders', 'GET /orders/1', { subject })
    expect(ports[0]).toMatchObject({
      allowed: false,
      reason: 'subject_invalid',
      refusedBy: 'caller',
    })
    expect(ports[0]).not.toHaveProperty('token')
    expect(notes).toEqual(['TrustedIssuer nobody is not trusted'])
  })

  it('says that no operation covers the call', () => {
    expect(ask('web', 'orders', 'DELETE /orders/1').ports[0]).toMatchObject({
      allowed: false,
      reason: 'no_rule',
      refusedBy: 'caller',
      rules: [{ reason: 'no_rule', operations: [{ differs: 'method' }, { differs: 'method' }] }],
    })
  })

  it('says that the path can be read in two ways', () => {
    const { path, ports } = ask('web', 'orders', 'GET /orders/..%2f1')
    expect(path).toBeNull()
    expect(ports[0]).toMatchObject({ allowed: false, reason: 'ambiguous_path' })
  })

  it('says that no rule names the caller, which then has no token', () => {
    const { ports, notes } = ask('reports', 'payments', 'GET /charges/1')
    expect(ports[0]).toMatchObject({
      allowed: false,
      reason: 'no_token',
      refusedBy: 'target',
      rules: [{ namesCaller: false, reason: 'caller_not_allowed' }],
    })
    expect(notes[0]).toContain(`no rule of shop/payments:80 names ${identity('reports')}`)
  })

  it('says that the caller does not exist', () => {
    const { caller, ports, notes } = ask('gone', 'payments', 'GET /charges/1')
    expect(caller).toEqual({ identity: identity('gone'), exists: false })
    expect(notes[0]).toBe('there is no ServiceAccount shop/gone')
    expect(ports[0]).toMatchObject({ allowed: false })
  })

  it('shows what needs no token, also to those whom no rule names', () => {
    expect(ask('reports', 'payments', 'GET /healthz').ports[0]).toMatchObject({
      allowed: true,
      public: true,
      policy: 'shop/payments',
      publicOperations: [{ field: 'spec.public[0]', matches: true }],
    })
  })

  it('shows the port that is asked for, by name or number', () => {
    const to = (port: string) => ({ to: { namespace: 'shop', name: 'orders', port } })
    expect(ask('web', 'orders', 'GET /orders/1', to('http')).ports).toHaveLength(1)
    expect(ask('web', 'orders', 'GET /orders/1', to('80')).ports).toHaveLength(1)
    expect(ask('web', 'orders', 'GET /orders/1', to('81')).ports).toHaveLength(0)
  })

  it('says that nothing targets it, and which policy would if it were accepted', () => {
    const broken = policy('shop', 'broken', {
      targetRefs: [target('reports')],
      rules: [{ name: 'r', from: [] }],
    })
    const { ports, notes } = ask('web', 'reports', 'GET /', { world: shop({ policies: [broken] }) })
    expect(ports).toEqual([])
    expect(notes[0]).toContain('no_policy')
    expect(notes[1]).toBe('AccessPolicy shop/broken allows nothing: spec.rules[0].from: is empty')
  })

  it('sends a caller as itself where delegation is Forbidden, whoever it serves', () => {
    const policies = [
      policy('shop', 'p', {
        targetRefs: [target('orders')],
        rules: [
          { name: 'r', from: [{ serviceAccount: { name: 'web' } }], delegation: 'Forbidden' },
        ],
      }),
    ]
    const { ports } = ask('web', 'orders', 'GET /', { world: shop({ policies }), subject: alice })
    expect(ports[0]).toMatchObject({
      allowed: true,
      token: { subject: identity('web'), actors: [] },
    })
    expect(ports[0]?.rules[0]?.operations[0]?.field).toBe('spec.rules[0]')
  })

  it('warns of a caller that serves users and may act as itself', () => {
    expect(ask('web', 'orders', 'GET /orders/1').warnings[0]).toContain('web-orders')
    expect(ask('orders', 'payments', 'POST /charges').warnings).toEqual([])
    expect(ask('orders', 'orders', 'GET /orders/1').warnings).toEqual([])
    const lonely = shop({
      policies: shop().policies.filter(({ metadata }) => metadata.name !== 'web'),
    })
    expect(ask('web', 'orders', 'GET /orders/1', { world: lonely }).warnings).toEqual([])
  })
})

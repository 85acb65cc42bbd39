import { describe, expect, it } from 'vitest'
import {
  account,
  audience,
  identity,
  issuer,
  pod,
  policy,
  service,
  shop,
  target,
} from '../../test/support/world.ts'
import type { Rule } from '../api/types.ts'
import { compile } from './compile.ts'
import type { PortPolicy } from './workload-policy.ts'

type More = Parameters<typeof shop>[0]

const sidecarOf = (uid: string, more: More = {}) => {
  const sidecar = compile(shop(more)).sidecars.get(uid)
  if (sidecar === undefined) throw new Error(`${uid} has no policy`)
  return sidecar
}
const portsOf = (uid: string, more: More = {}) => sidecarOf(uid, more).rules.ports
const namesOf = (port: PortPolicy | undefined) => port?.rules.map(({ rule }) => rule)

const rule = (name: string, more: Partial<Rule> = {}): Rule => ({
  name,
  from: [{ serviceAccount: { name: 'web' } }],
  ...more,
})
const onPayments = (name: string, rules: readonly Rule[], more: object = {}) =>
  policy('shop', name, { targetRefs: [{ ...target('payments'), ...more }], rules })

describe('what a sidecar accepts', () => {
  it('is nothing where no policy targets it', () => {
    expect(sidecarOf('pod-shop-reports-0').rules).toEqual({
      ports: {},
      audiences: [],
      issuerAudiences: {},
    })
  })

  it('is what the rules of its port say, with their defaults', () => {
    const policies = [onPayments('p', [rule('r', { scopes: ['b', 'a'] })])]
    expect(sidecarOf('pod-shop-payments-0', { policies }).rules).toEqual({
      ports: {
        8080: {
          rules: [
            {
              policy: 'shop/p',
              rule: 'r',
              needs: [],
              delegation: 'Allowed',
              operations: [{ scopes: ['a', 'b'] }],
              audience: audience('payments'),
              callers: { [identity('web')]: 'sa-shop-web' },
              maxActors: 4,
              issuers: [],
            },
          ],
          public: [],
          subjectIssuers: ['corp'],
        },
      },
      audiences: [audience('payments')],
      issuerAudiences: {},
    })
  })

  it('needs all the scopes of the rule where the operation names none, or just what it names', () => {
    const operations = [{ methods: ['GET'] }, { paths: ['/a'], scopes: ['a'] }, { scopes: [] }]
    const policies = [onPayments('p', [rule('r', { scopes: ['a', 'b'], operations })])]
    const rows = portsOf('pod-shop-payments-0', { policies })['8080']?.rules[0]?.operations
    expect(rows).toEqual([
      { methods: ['GET'], scopes: ['a', 'b'] },
      { paths: [{ text: '/a', segments: ['a'] }], scopes: ['a'] },
      { scopes: [] },
    ])
  })

  it('is for users only, where a rule says whose users', () => {
    const delegationOf = (more: Partial<Rule>) =>
      portsOf('pod-shop-payments-0', { policies: [onPayments('p', [rule('r', more)])] })['8080']
        ?.rules[0]?.delegation
    expect(delegationOf({ subject: { issuers: ['corp'] } })).toBe('Required')
    expect(delegationOf({ subject: { scopes: ['x'] } })).toBe('Required')
    expect(delegationOf({ subject: {} })).toBe('Allowed')
    expect(delegationOf({ delegation: 'Forbidden' })).toBe('Forbidden')
  })

  it('adds up over policies, in the order of their names and then as written', () => {
    const [b, a] = [onPayments('b', [rule('z'), rule('a')]), onPayments('a', [rule('m')])]
    const policies = [b, { ...a, metadata: { ...a.metadata, uid: 'z' } }]
    expect(namesOf(portsOf('pod-shop-payments-0', { policies })['8080'])).toEqual(['m', 'z', 'a'])
    const { verdicts } = compile(shop({ policies, issuers: [] }))
    expect(verdicts.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  it('names every account that exists, of the namespace that is meant', () => {
    const from = [
      { serviceAccount: { name: 'web' } },
      { serviceAccount: { name: 'web', namespace: 'other' } },
      { serviceAccount: { name: 'gone' } },
    ]
    const serviceAccounts = [account('shop', 'web'), account('other', 'web')]
    const policies = [onPayments('p', [rule('r', { from })])]
    expect(
      portsOf('pod-shop-payments-0', { policies, serviceAccounts })['8080']?.rules[0]?.callers,
    ).toEqual({
      [identity('web', 'other')]: 'sa-other-web',
      [identity('web')]: 'sa-shop-web',
    })
  })

  it('holds the UID of today, so a recreated account is another', () => {
    const web = account('shop', 'web')
    const again = { ...web, metadata: { ...web.metadata, uid: 'newer' } }
    const policies = [onPayments('p', [rule('r')])]
    const callers = portsOf('pod-shop-payments-0', { policies, serviceAccounts: [again] })['8080']
      ?.rules[0]?.callers
    expect(callers).toEqual({ [identity('web')]: 'newer' })
  })

  it('takes an issuer only by audiences that name the Service', () => {
    const issuers = [
      issuer('corp', {
        audiences: [
          {
            value: 'both',
            services: ['web', 'payments'].map((name) => ({ namespace: 'shop', name })),
          },
          { value: 'web only', services: [{ namespace: 'shop', name: 'web' }] },
          { value: 'elsewhere', services: [{ namespace: 'other', name: 'payments' }] },
        ],
      }),
    ]
    const from = [{ issuer: { name: 'corp', subjects: ['svc-*'] } }]
    const { rules, issuers: section } = sidecarOf('pod-shop-payments-0', {
      issuers,
      policies: [onPayments('p', [rule('r', { from })])],
    })
    expect(rules.ports['8080']?.rules[0]?.issuers).toEqual([
      { name: 'corp', subjectPrefix: 'corp:', audiences: ['both'], subjects: ['svc-*'] },
    ])
    expect(rules.ports['8080']?.issuerAudiences).toEqual({ corp: ['both'] })
    expect(rules.issuerAudiences).toEqual({ corp: ['both'] })
    expect(section.issuers[0]?.audiences).toEqual({ both: ['shop/payments'] })
  })

  it('knows no issuer that names none of its Services', () => {
    expect(sidecarOf('pod-shop-orders-0').issuers.issuers).toEqual([])
    expect(sidecarOf('pod-shop-web-0').issuers.issuers).toHaveLength(1)
  })
})

describe('a port', () => {
  const two = [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'admin', port: 81, targetPort: 'admin' },
  ]
  const services = [service('shop', 'payments', two)]
  const pods = [pod('shop', 'payments', { ports: [{ name: 'admin', containerPort: 9000 }] })]

  it('is every port of the Service, or the one that is named', () => {
    const ports = (more: object) =>
      Object.keys(
        portsOf('pod-shop-payments-0', { services, pods, policies: [onPayments('p', [], more)] }),
      )
    expect(ports({})).toEqual(['8080', '9000'])
    expect(ports({ sectionName: 'admin' })).toEqual(['9000'])
  })

  it('that is named is resolved by each pod for itself', () => {
    const other = pod('shop', 'payments', { ports: [{ name: 'admin', containerPort: 9001 }] })
    const none = pod('shop', 'payments')
    const uid = (one: typeof other, uid: string) => ({ ...one, metadata: { ...one.metadata, uid } })
    const more = {
      services,
      pods: [...pods, uid(other, 'other'), uid(none, 'none')],
      policies: [onPayments('p', [rule('r')], { sectionName: 'admin' })],
    }
    expect(Object.keys(portsOf('pod-shop-payments-0', more))).toEqual(['9000'])
    expect(Object.keys(portsOf('other', more))).toEqual(['9001'])
    expect(portsOf('none', more)).toEqual({})
    const { addresses } = sidecarOf('web', {
      ...more,
      pods: [...more.pods, uid(pod('shop', 'web'), 'web')],
    })
    expect(addresses['shop/payments:81']?.endpoints.map(({ port }) => port)).toEqual([9000, 9001])
  })

  it('to which two Services lead has the rules of both, each for its own audience', () => {
    const second = { ...service('shop', 'ledger'), spec: service('shop', 'payments').spec }
    const targetRefs = [target('payments'), target('ledger')]
    const ports = portsOf('pod-shop-payments-0', {
      services: [service('shop', 'payments'), second],
      policies: [
        policy('shop', 'p', { targetRefs, rules: [rule('r')], public: [{ paths: ['/healthz'] }] }),
      ],
    })
    expect(ports['8080']?.rules.map((row) => row.audience)).toEqual([
      audience('ledger'),
      audience('payments'),
    ])
    expect(ports['8080']?.public).toHaveLength(1)
  })

  it('to which two ports of one Service lead has each rule once', () => {
    const same = [
      { name: 'http', port: 80, targetPort: 8080 },
      { name: 'alt', port: 81, targetPort: 8080 },
    ]
    const more = {
      services: [service('shop', 'payments', same)],
      policies: [onPayments('p', [rule('r')])],
    }
    expect(namesOf(portsOf('pod-shop-payments-0', more)['8080'])).toEqual(['r'])
    expect(compile(shop(more)).authority.edges.edges).toHaveLength(1)
  })
})

describe('what the authority may issue', () => {
  it('is an edge for each rule, caller and target', () => {
    const { edges, audiences } = compile(shop()).authority.edges
    expect(audiences).toEqual([audience('orders'), audience('payments'), audience('web')])
    expect(edges).toEqual([
      {
        policy: 'shop/payments',
        rule: 'orders-charges',
        needs: [],
        client: identity('orders'),
        clientUid: 'sa-shop-orders',
        audience: audience('payments'),
        scopes: ['charges:read', 'charges:write'],
        delegation: 'Required',
        subjectIssuers: ['corp'],
        subjectScopes: ['orders:create'],
        lifetimeSeconds: 120,
        maxActors: 4,
      },
      {
        policy: 'shop/orders',
        rule: 'web-orders',
        needs: [],
        client: identity('web'),
        clientUid: 'sa-shop-web',
        audience: audience('orders'),
        scopes: ['orders:create', 'orders:read'],
        delegation: 'Allowed',
        subjectScopes: [],
        lifetimeSeconds: 300,
        maxActors: 4,
      },
    ])
  })

  it('is to a workload that it knows by its pod', () => {
    const { workloads } = compile(shop()).authority
    expect(workloads['pod-shop-web-0']).toEqual({
      identity: identity('web'),
      namespace: 'shop',
      pod: 'web-0',
      serviceAccount: 'web',
      serviceAccountUid: 'sa-shop-web',
      audiences: [audience('web')],
      issuerAudiences: { corp: ['shop'] },
    })
    expect(workloads['pod-shop-reports-0']).toMatchObject({ audiences: [], issuerAudiences: {} })
  })

  it('is nothing to a host-network pod, or to one whose account is gone', () => {
    const pods = [pod('shop', 'web', { hostNetwork: true }), pod('shop', 'orders')]
    const serviceAccounts = [account('shop', 'web')]
    const { authority, sidecars } = compile(shop({ pods, serviceAccounts }))
    expect(authority.workloads).toEqual({})
    // It still refuses what comes in.
    expect([...sidecars.keys()]).toEqual(['pod-shop-orders-0'])
  })

  it.each([
    ['30s', 30],
    ['5m', 300],
    ['1h', 3600],
    ['59m60s', 3600],
  ])('lives for %s', (lifetime, seconds) => {
    const policies = [onPayments('p', [rule('r', { token: { lifetime } })])]
    const { edges } = compile(shop({ policies })).authority.edges
    expect(edges[0]?.lifetimeSeconds).toBe(seconds)
  })
})

describe('pods of one workload', () => {
  const twin = (uid: string, spec: object = {}) => {
    const one = pod('shop', 'orders')
    return { ...one, metadata: { ...one.metadata, uid }, spec: { ...one.spec, ...spec } }
  }

  it('share their policy', () => {
    const { sidecars } = compile(shop({ pods: [twin('a'), twin('b')] }))
    expect(sidecars.get('a')).toBe(sidecars.get('b'))
  })

  it('are not one workload where the account is another', () => {
    const { sidecars } = compile(
      shop({ pods: [twin('a'), twin('b', { serviceAccountName: 'web' })] }),
    )
    expect(sidecars.get('a')?.rules).toEqual(sidecars.get('b')?.rules)
    expect(sidecars.get('a')?.routes).not.toEqual(sidecars.get('b')?.routes)
  })
})

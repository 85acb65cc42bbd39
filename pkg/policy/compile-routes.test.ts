import { describe, expect, it } from 'vitest'
import { account, audience, pod, policy, service, shop, target } from '../../test/support/world.ts'
import type { Rule } from '../api/types.ts'
import { compile } from './compile.ts'

type More = Parameters<typeof shop>[0]

const sidecarOf = (uid: string, more: More = {}) => {
  const sidecar = compile(shop(more)).sidecars.get(uid)
  if (sidecar === undefined) throw new Error(`${uid} has no policy`)
  return sidecar
}

const rule = (name: string, more: Partial<Rule> = {}): Rule => ({
  name,
  from: [{ serviceAccount: { name: 'web' } }],
  ...more,
})
const onPayments = (name: string, rules: readonly Rule[]) =>
  policy('shop', name, { targetRefs: [target('payments')], rules })

describe('the routes of a caller', () => {
  const routesOf = (more: More = {}, uid = 'pod-shop-orders-0') =>
    sidecarOf(uid, more).routes.routes

  it('lead to each target port that a rule lets it call, by these names', () => {
    expect(routesOf()).toMatchObject([
      {
        id: 'shop/payments:80',
        portName: 'http',
        port: 80,
        audience: audience('payments'),
        hosts: [
          'payments',
          'payments.shop',
          'payments.shop.svc',
          'payments.shop.svc.cluster.local',
        ],
        rules: [{ rule: 'orders-charges', scopes: ['charges:read', 'charges:write'] }],
        public: [{ methods: ['GET'], policy: 'shop/payments' }],
      },
    ])
    expect(routesOf({}, 'pod-shop-reports-0')).toEqual([])
  })

  it('from another namespace have no short name', () => {
    const more = {
      serviceAccounts: [account('other', 'web')],
      pods: [pod('other', 'web')],
      policies: [
        onPayments('p', [
          rule('r', { from: [{ serviceAccount: { namespace: 'other', name: 'web' } }] }),
        ]),
      ],
    }
    expect(routesOf(more, 'pod-other-web-0')[0]?.hosts).toEqual([
      'payments.shop',
      'payments.shop.svc',
      'payments.shop.svc.cluster.local',
    ])
  })

  it('show only rules that name it', () => {
    const policies = [
      onPayments('p', [
        rule('web'),
        rule('orders', { from: [{ serviceAccount: { name: 'orders' } }] }),
      ]),
    ]
    expect(routesOf({ policies })[0]?.rules.map((row) => row.rule)).toEqual(['orders'])
  })

  it('are none for an account that does not exist', () => {
    expect(routesOf({ serviceAccounts: [] })).toEqual([])
    expect(compile(shop({ serviceAccounts: [] })).authority.edges.edges).toEqual([])
  })

  it('have the addresses of the Service and of its pods', () => {
    expect(sidecarOf('pod-shop-orders-0').addresses).toEqual({
      'shop/payments:80': {
        clusterIPs: ['10.0.0.1'],
        endpoints: [{ address: '10.1.0.1', port: 8080 }],
      },
    })
  })

  it('have no address of a headless Service, of a deleted pod or of a host-network pod', () => {
    const payments = service('shop', 'payments')
    const headless = { ...payments, spec: { ...payments.spec, clusterIPs: ['None'] } }
    const one = pod('shop', 'payments')
    const at = (uid: string, address: string) => ({
      ...one,
      metadata: { ...one.metadata, uid },
      status: { podIPs: [address] },
    })
    const live = at('live', '10.1.0.9')
    const deleted = at('deleted', '10.1.0.2')
    const host = at('host', '10.1.0.3')
    const { addresses } = sidecarOf('pod-shop-orders-0', {
      services: [headless],
      pods: [
        pod('shop', 'orders'),
        live,
        {
          ...deleted,
          metadata: { ...deleted.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
        },
        { ...host, spec: { ...host.spec, hostNetwork: true } },
      ],
    })
    expect(addresses['shop/payments:80']).toEqual({
      clusterIPs: [],
      endpoints: [{ address: '10.1.0.9', port: 8080 }],
    })
  })
})

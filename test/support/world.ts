/** A small world of resources for tests of `policy`: the shop of the examples, in memory. */
import type { Pod, Service, ServiceAccount, ServicePort } from '../../pkg/api/core.ts'
import type {
  AccessPolicy,
  AccessPolicySpec,
  TrustedIssuer,
  TrustedIssuerSpec,
} from '../../pkg/api/types.ts'
import type { World } from '../../pkg/policy/world.ts'
import type { Bearer } from '../../pkg/token/claims.ts'

const meta = (namespace: string, name: string, kind: string) => ({
  name,
  namespace,
  uid: `${kind}-${namespace}-${name}`,
  resourceVersion: '1',
})

export const account = (namespace: string, name: string): ServiceAccount => ({
  kind: 'ServiceAccount',
  metadata: meta(namespace, name, 'sa'),
})

export const service = (
  namespace: string,
  name: string,
  ports: readonly ServicePort[] = [{ name: 'http', port: 80, targetPort: 8080 }],
): Service => ({
  kind: 'Service',
  metadata: meta(namespace, name, 'svc'),
  spec: { clusterIPs: ['10.0.0.1'], ports, selector: { app: name } },
})

export const pod = (namespace: string, app: string, more: Partial<Pod['spec']> = {}): Pod => ({
  kind: 'Pod',
  metadata: { ...meta(namespace, `${app}-0`, 'pod'), labels: { app } },
  spec: { serviceAccountName: app, hostNetwork: false, ports: [], ...more },
  status: { podIPs: ['10.1.0.1'] },
})

export const policy = (namespace: string, name: string, spec: AccessPolicySpec): AccessPolicy => ({
  apiVersion: 'tokenward.dev/v1alpha1',
  kind: 'AccessPolicy',
  metadata: meta(namespace, name, 'ap'),
  spec,
})

export const issuer = (name: string, spec: Partial<TrustedIssuerSpec> = {}): TrustedIssuer => ({
  apiVersion: 'tokenward.dev/v1alpha1',
  kind: 'TrustedIssuer',
  metadata: meta('', name, 'ti'),
  spec: {
    issuer: `https://${name}.example`,
    keys: { jwksUri: `https://${name}.example/jwks` },
    audiences: [{ value: 'shop', services: [{ namespace: 'shop', name: 'web' }] }],
    ...spec,
  },
})

export const target = (name: string) => ({ group: '', kind: 'Service', name }) as const

/** web -> orders -> payments; users of corp at web; orders needs a user at payments. */
export const shop = (more: Partial<World> = {}): World => ({
  trustDomain: 'local.tokenward.dev',
  clusterDomain: 'cluster.local',
  namespaces: [],
  serviceAccounts: ['web', 'orders', 'payments', 'reports'].map((name) => account('shop', name)),
  services: ['web', 'orders', 'payments'].map((name) => service('shop', name)),
  pods: ['web', 'orders', 'payments', 'reports'].map((app) => pod('shop', app)),
  policies: [
    policy('shop', 'web', {
      targetRefs: [target('web')],
      rules: [{ name: 'users', from: [{ issuer: { name: 'corp', clients: ['portal*'] } }] }],
      public: [{ methods: ['GET'], paths: ['/healthz'] }],
    }),
    policy('shop', 'orders', {
      targetRefs: [target('orders')],
      rules: [
        {
          name: 'web-orders',
          from: [{ serviceAccount: { name: 'web' } }],
          scopes: ['orders:create', 'orders:read'],
          operations: [
            { methods: ['POST'], paths: ['/orders'], scopes: ['orders:create'] },
            { methods: ['GET'], paths: ['/orders/{id}'], scopes: ['orders:read'] },
          ],
        },
      ],
    }),
    policy('shop', 'payments', {
      targetRefs: [{ ...target('payments'), sectionName: 'http' }],
      rules: [
        {
          name: 'orders-charges',
          from: [{ serviceAccount: { name: 'orders' } }],
          scopes: ['charges:read', 'charges:write'],
          delegation: 'Required',
          subject: { issuers: ['corp'], scopes: ['orders:create'] },
          operations: [
            { methods: ['POST'], paths: ['/charges'], scopes: ['charges:write'] },
            { methods: ['GET'], paths: ['/charges/{id}', '/charges/{id}/**'] },
          ],
          token: { lifetime: '2m' },
        },
      ],
      public: [{ methods: ['GET'], paths: ['/healthz'] }],
    }),
  ],
  issuers: [issuer('corp')],
  ...more,
})

export const identity = (name: string, namespace = 'shop'): string =>
  `spiffe://local.tokenward.dev/ns/${namespace}/sa/${name}`

export const audience = (name: string, namespace = 'shop'): string =>
  `http://${name}.${namespace}.svc.cluster.local`

/** A verified token of ours: `client` for itself at `audience`, unless told otherwise. */
export const bearer = (client: string, target: string, more: Partial<Bearer> = {}): Bearer => ({
  origin: 'authority',
  issuerName: '',
  audiences: [audience(target)],
  subject: identity(client),
  subjectIssuer: '',
  client: identity(client),
  clientUid: `sa-shop-${client}`,
  actors: [],
  scopes: [],
  subjectScopes: [],
  groups: [],
  issuedAtSeconds: 0,
  notBeforeSeconds: 0,
  expiresAtSeconds: 300,
  id: 'id',
  hash: 'hash',
  claims: {},
  ...more,
})

/** The same for alice of corp, on whose behalf the client acts. */
export const forAlice = (client: string, target: string, more: Partial<Bearer> = {}): Bearer =>
  bearer(client, target, {
    subject: 'corp:alice',
    subjectIssuer: 'corp',
    actors: [identity(client)],
    ...more,
  })

/** A token that corp issued to alice. */
export const corpToken = (more: Partial<Bearer> = {}): Bearer => ({
  ...bearer('web', 'web'),
  origin: 'issuer',
  issuerName: 'corp',
  audiences: ['shop'],
  subject: 'corp:alice',
  subjectIssuer: 'corp',
  client: 'portal-1',
  clientUid: '',
  ...more,
})

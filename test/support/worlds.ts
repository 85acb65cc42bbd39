/** Worlds made up by fast-check: two namespaces, few names, so that everything meets everything. */
import fc from 'fast-check'
import type { Pod, Service, ServiceAccount } from '../../pkg/api/core.ts'
import type { AccessPolicy, Operation, Rule, Source, TrustedIssuer } from '../../pkg/api/types.ts'
import type { World } from '../../pkg/policy/world.ts'
import { account, issuer, policy, service } from './world.ts'

export const namespaces = ['a', 'b'] as const
export const names = ['x', 'y', 'z'] as const
export const scopes = ['s1', 's2', 's3'] as const
export const issuerNames = ['corp', 'partner'] as const

const namespace = fc.constantFrom(...namespaces)
const name = fc.constantFrom(...names)
const some = <T>(values: readonly T[], minLength = 0) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength })

const services: fc.Arbitrary<Service> = fc
  .record({
    namespace,
    name,
    targetPort: fc.constantFrom<number | string>(8080, 'web', 9090),
    second: fc.option(fc.constantFrom<number | string>(8080, 9090, 'web'), { nil: undefined }),
    app: fc.oneof({ weight: 9, arbitrary: name }, fc.constant(undefined)),
  })
  .map(({ namespace, name, targetPort, second, app }) => {
    const made = service(namespace, name, [
      { name: 'http', port: 80, targetPort },
      ...(second === undefined ? [] : [{ name: 'alt', port: 81, targetPort: second }]),
    ])
    const { clusterIPs, ports } = made.spec
    const spec = { clusterIPs, ports, ...(app === undefined ? {} : { selector: { app } }) }
    return { ...made, spec }
  })

const pods: fc.Arbitrary<Pod> = fc
  .record({
    namespace,
    app: name,
    serviceAccountName: name,
    index: fc.nat({ max: 3 }),
    web: fc.constantFrom(8080, 9090, 0),
    hostNetwork: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    deleted: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
  })
  .map(({ namespace, app, serviceAccountName, index, web, hostNetwork, deleted }) => ({
    kind: 'Pod',
    metadata: {
      name: `${app}-${index}`,
      namespace,
      uid: `pod-${namespace}-${app}-${index}`,
      resourceVersion: '1',
      labels: { app },
      ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      serviceAccountName,
      hostNetwork,
      ports: web === 0 ? [] : [{ name: 'web', containerPort: web }],
    },
    status: { podIPs: [`10.${namespace === 'a' ? 0 : 1}.${app.charCodeAt(0)}.${index}`] },
  }))

const sources: fc.Arbitrary<Source> = fc.oneof(
  fc.record({ name, namespace }).map((serviceAccount) => ({ serviceAccount })),
  name.map((name) => ({ serviceAccount: { name } })),
  fc
    .record(
      {
        name: fc.constantFrom(...issuerNames),
        clients: fc.constant(['portal*']),
        subjects: fc.constant(['al*']),
      },
      { requiredKeys: ['name'] },
    )
    .map((issuer) => ({ issuer })),
)

const paths = fc.constantFrom('/', '/c', '/c/', '/c/{id}', '/c/{id}/**', '/**')
const operations: fc.Arbitrary<Operation> = fc.record(
  {
    methods: some(['GET', 'POST'], 1),
    paths: fc.uniqueArray(paths, { minLength: 1, maxLength: 2 }),
    // Now and then a scope that the rule has not: the policy is then Invalid.
    scopes: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, some(scopes)),
  },
  { requiredKeys: [] },
)

const rules: fc.Arbitrary<Omit<Rule, 'name'>> = fc.record(
  {
    from: fc.array(sources, { minLength: 1, maxLength: 3 }),
    scopes: some(scopes),
    delegation: fc.constantFrom('Required', 'Allowed', 'Forbidden'),
    subject: fc.record(
      { issuers: some(issuerNames, 1), scopes: some(scopes) },
      { requiredKeys: [] },
    ),
    operations: fc.array(operations, { maxLength: 3 }),
    token: fc.constantFrom('30s', '1m', '1h').map((lifetime) => ({ lifetime })),
  },
  { requiredKeys: ['from'] },
)

const policies: fc.Arbitrary<AccessPolicy> = fc
  .record({
    namespace,
    name: fc.constantFrom('p1', 'p2', 'p3', 'p4'),
    targets: fc.array(
      fc.record({ name, sectionName: fc.constantFrom('http', 'alt') }, { requiredKeys: ['name'] }),
      { minLength: 1, maxLength: 2 },
    ),
    rules: fc.array(rules, { maxLength: 3 }),
    open: fc.array(fc.record({ paths: fc.tuple(paths) }), { maxLength: 1 }),
  })
  .map(({ namespace, name, targets, rules, open }) =>
    policy(namespace, name, {
      targetRefs: targets.map((target) => ({ group: '', kind: 'Service', ...target })),
      rules: rules.map((rule, i) => ({ name: `r${i}`, ...rule })),
      public: open,
    }),
  )

const issuers: fc.Arbitrary<TrustedIssuer> = fc
  .record({
    name: fc.constantFrom(...issuerNames),
    subjectPrefix: fc.constantFrom('', 'c', 'corp:', 'partner:'),
    services: fc.uniqueArray(fc.record({ namespace, name }), {
      minLength: 1,
      selector: ({ namespace, name }) => `${namespace}/${name}`,
    }),
    same: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
  })
  .map(({ name, subjectPrefix, services, same }) =>
    issuer(name, {
      subjectPrefix,
      audiences: [{ value: 'shop', services }],
      ...(same ? { issuer: 'https://same.example' } : {}),
    }),
  )

const accounts: fc.Arbitrary<ServiceAccount> = fc
  .record({ namespace, name })
  .map(({ namespace, name }) => account(namespace, name))

const unique = <
  T extends { readonly metadata: { readonly namespace: string; readonly name: string } },
>(
  resources: fc.Arbitrary<T>,
  minLength: number,
  maxLength: number,
) =>
  fc.uniqueArray(resources, {
    minLength,
    maxLength,
    selector: ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
    size: 'max',
  })

/** With at least so much of everything: in a dense one most references lead somewhere. */
const worldsOf = (least: { accounts: number; others: number; policies: number }) =>
  fc.record({
    trustDomain: fc.constant('local.tokenward.dev'),
    clusterDomain: fc.constant('cluster.local'),
    namespaces: fc.constant([]),
    serviceAccounts: unique(accounts, least.accounts, 6),
    services: unique(services, least.others, 6),
    pods: unique(pods, least.others, 8),
    policies: unique(policies, least.policies, 6),
    issuers: unique(issuers, Math.min(least.policies, 2), 2),
  })

/** A world. */
export const worlds: fc.Arbitrary<World> = fc.oneof(
  { weight: 1, arbitrary: worldsOf({ accounts: 0, others: 0, policies: 0 }) },
  { weight: 2, arbitrary: worldsOf({ accounts: 5, others: 5, policies: 2 }) },
)

import { afterEach, expect, test } from 'vitest'
import {
  runInCluster,
  type ClusterController,
  type ClusterSettings,
} from '../../pkg/controller/run-in-cluster.ts'
import { subscribe, type Subscription } from '../../pkg/discovery/subscribe.ts'
import type { WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { signServiceAccount } from '../../pkg/token/service-account.ts'
import { closeAll, closing, methodsOf } from '../support/controller.ts'
import { nowSeconds, quietLog } from '../support/discovery.ts'
import { startMemoryApi, type MemoryApi } from '../support/memory-api.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

const system = '/api/v1/namespaces/tokenward-system'
const policies = '/apis/tokenward.dev/v1alpha1/namespaces/shop/accesspolicies'

function addWorkload(api: MemoryApi, name: string, address: string): void {
  const labels = { app: name }
  const at = '/api/v1/namespaces/shop'
  api.put(`${at}/serviceaccounts/${name}`, { metadata: {} })
  api.put(`${at}/services/${name}`, {
    metadata: {},
    spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
  })
  const sidecar = { name: 'tokenward-sidecar', restartPolicy: 'Always' }
  const initContainers = [sidecar, { name: 'tokenward-redirect' }]
  api.put(`${at}/pods/${name}-0`, {
    metadata: { labels },
    spec: { serviceAccountName: name, containers: [{}], initContainers },
    status: { phase: 'Running', podIP: address },
  })
}

function putPolicy(api: MemoryApi, to: string, from: string, method = 'GET'): void {
  const from1 = [{ serviceAccount: { name: from } }]
  const operations = [{ methods: [method], paths: ['/**'] }]
  api.put(`${policies}/${to}`, {
    apiVersion: 'tokenward.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: {},
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: to }],
      rules: [{ name: 'only', from: from1, operations }],
    },
  })
}

async function startApi(): Promise<MemoryApi> {
  const api = await startMemoryApi()
  closing(async () => api[Symbol.asyncDispose]())
  api.put('/api/v1/namespaces/shop', { metadata: {} })
  addWorkload(api, 'orders', '10.1.0.1')
  addWorkload(api, 'payments', '10.1.0.2')
  return api
}

async function start(
  api: MemoryApi,
  lines: string[] = [],
  change: Partial<ClusterSettings> = {},
): Promise<ClusterController> {
  const controller = await runInCluster(
    {
      namespace: 'tokenward-system',
      kubeconfig: api.kubeconfig,
      discoveryAddress: { host: '127.0.0.1', port: 0 },
      adminAddress: { host: '127.0.0.1', port: 0 },
      authorityIssuer: 'https://tokenward-authority.tokenward-system.svc',
      trustDomain: 'cluster.local',
      clusterDomain: 'cluster.local',
      allowPrivateIssuers: false,
      ...change,
    },
    quietLog(lines),
  )
  closing(() => controller.close())
  return controller
}

const isReady = (controller: ClusterController): Promise<void> =>
  until('the controller is ready', () => controller.isReady())

interface Follower {
  readonly subscription: Subscription
  latest(): WorkloadPolicy | undefined
}

function follow(api: MemoryApi, controller: ClusterController, token: string): Follower {
  let latest: WorkloadPolicy | undefined
  const { data } = api.get(`${system}/secrets/tokenward-controller-tls`) as unknown as {
    readonly data: Readonly<Record<string, string>>
  }
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [controller.discoveryUrl],
    ca: () => Buffer.from(data['ca.crt'] ?? '', 'base64').toString(),
    serverName: 'tokenward-controller.tokenward-system.svc',
    token: () => Promise.resolve(token),
    apply: (sections) => (latest = sections),
    log: quietLog(),
  })
  closing(() => subscription.close())
  return { subscription, latest: () => latest }
}

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
}

const conditionsOf = (api: MemoryApi, name: string): string[] => {
  const { conditions = [] } = (api.get(`${policies}/${name}`)?.['status'] ?? {}) as {
    readonly conditions?: readonly Condition[]
  }
  return conditions.map((one) => `${one.type} ${one.status} ${one.reason}: ${one.message}`)
}

test('a policy is in force at the pods that a Service selects, and its status says so', async () => {
  const api = await startApi()
  const controller = await start(api)
  await isReady(controller)
  putPolicy(api, 'payments', 'orders')
  const payments = follow(api, controller, api.tokenOf('shop', 'payments-0'))
  const orders = follow(api, controller, api.tokenOf('shop', 'orders-0'))
  await until('the target has it', () => methodsOf(payments.latest())[0] === 'GET')
  await until('the caller has the way', () => {
    const addresses = orders.latest()?.addresses['shop/payments:80']
    return addresses?.endpoints[0]?.address === '10.1.0.2'
  })
  await until('the status', () =>
    conditionsOf(api, 'payments').includes('Programmed True Programmed: applied 1 of 1'),
  )
})

test('a pod whose workload has no policy gets one that refuses everything', async () => {
  const api = await startApi()
  const controller = await start(api)
  await isReady(controller)
  const orders = follow(api, controller, api.tokenOf('shop', 'orders-0'))
  await until('it has one', () => orders.latest() !== undefined)
  expect(orders.latest()?.rules.ports).toEqual({})
})

test.each([
  ['missing', '/apis/tokenward.dev/v1alpha1/trustedissuers', 'is its CustomResourceDefinition'],
  ['forbidden', '/api/v1/pods', 'must grant the verb "list" on pods'],
] as const)(
  'what is %s is said and waited for, and nothing is published before',
  async (what, path, says) => {
    const api = await startApi()
    api[what].add(path)
    const controller = await start(api)
    const readyz = async (): Promise<string> =>
      await (await fetch(`${controller.adminUrl}/readyz`)).text()
    await until('it says so', async () => (await readyz()).includes(says))
    await until('the Secrets are there', () => {
      return api.get(`${system}/secrets/tokenward-webhook-tls`) !== undefined
    })
    const orders = follow(api, controller, api.tokenOf('shop', 'orders-0'))
    const renewal = 'PUT /apis/coordination.k8s.io'
    await until('a renewal', () => api.requests.some((one) => one.startsWith(renewal)))
    expect(controller.isReady()).toBe(false)
    expect(await (await fetch(`${controller.adminUrl}/metrics`)).text()).toMatch(
      /^tokenward_controller_problems [1-9]/m,
    )
    expect(orders.latest()).toBeUndefined()
    api[what].clear()
    await isReady(controller)
    // Who was refused for a while waits a while.
    orders.subscription.close()
    const next = follow(api, controller, api.tokenOf('shop', 'orders-0'))
    await until('it is served', () => next.latest() !== undefined)
  },
)

test('Secrets that may not be made are said and waited for', async () => {
  const api = await startApi()
  api.readOnly.add('/api/v1/secrets')
  const controller = await start(api)
  const readyz = async (): Promise<string> =>
    await (await fetch(`${controller.adminUrl}/readyz`)).text()
  await until('it says so', async () =>
    (await readyz()).includes('must grant the verb "create" on secrets'),
  )
  expect(await readyz()).toContain('waiting for Secret tokenward-system/tokenward-controller-tls')
  api.readOnly.clear()
  await isReady(controller)
})

test('status that may not be written is counted among the problems, and policies are in force', async () => {
  const api = await startApi()
  api.readOnly.add('/apis/tokenward.dev/v1alpha1/accesspolicies')
  putPolicy(api, 'payments', 'orders')
  const controller = await start(api)
  await isReady(controller)
  const payments = follow(api, controller, api.tokenOf('shop', 'payments-0'))
  await until('the target has it', () => methodsOf(payments.latest())[0] === 'GET')
  const problems = async (): Promise<string | undefined> => {
    const text = await (await fetch(`${controller.adminUrl}/metrics`)).text()
    return /^tokenward_controller_problems (\d+)$/m.exec(text)?.[1]
  }
  await until('it is a problem', async () => (await problems()) === '1')
  api.readOnly.clear()
  await until('it is over', async () => (await problems()) === '0')
  expect(conditionsOf(api, 'payments')).toHaveLength(2)
})

test('a policy with a mistyped field allows nothing, and says what was meant', async () => {
  const api = await startApi()
  putPolicy(api, 'payments', 'orders')
  const at = `${policies}/payments`
  api.put(at, { ...api.get(at), spec: { ...(api.get(at)?.['spec'] as object), publik: [] } })
  const controller = await start(api)
  await isReady(controller)
  const payments = follow(api, controller, api.tokenOf('shop', 'payments-0'))
  await until('the target is served', () => payments.latest() !== undefined)
  expect(payments.latest()?.rules.ports).toEqual({})
  await until('the status says why', () => conditionsOf(api, 'payments').length > 0)
  expect(conditionsOf(api, 'payments')).toEqual([
    'Accepted False Invalid: spec.publik: is not a known field; did you mean public?',
  ])
})

test('an object that is not what it should be is left out and told, and all others count', async () => {
  const api = await startApi()
  api.put('/api/v1/namespaces/shop/services/odd', { metadata: {}, spec: { ports: [{ port: 0 }] } })
  const lines: string[] = []
  const controller = await start(api, lines)
  await isReady(controller)
  const told = lines.filter((line) => line.includes('an object is left out'))
  expect(told.join()).toContain('spec.ports[0].port')
})

test.each([
  ['an excluded port', { 'tokenward.dev/exclude-inbound-ports': '8080' }, 'port 8080 is excluded'],
  ['another excluded port', { 'tokenward.dev/exclude-inbound-ports': '9000' }, undefined],
])('a policy says that calls get past the sidecar by %s', async (_what, annotations, gap) => {
  const api = await startApi()
  const at = '/api/v1/namespaces/shop/pods/payments-0'
  const pod = api.get(at)
  api.put(at, { ...pod, metadata: { ...pod?.metadata, annotations } })
  putPolicy(api, 'payments', 'orders')
  await isReady(await start(api))
  await until('it says so', () => conditionsOf(api, 'payments').length === 2)
  expect(conditionsOf(api, 'payments')[1]).toMatch(
    gap === undefined
      ? /^Programmed False PartiallyProgrammed: applied 0 of 1$/
      : /^Programmed False BypassPossible: .*shop\/payments-0 \(port 8080 is excluded\)/,
  )
})

test.each([
  ['an unknown key of ours is told once, at its pod', 'tokenward.dev/unmached', 1],
  ['a known one is not', 'tokenward.dev/unmatched', 0],
])('%s', async (_what, key, count) => {
  const api = await startApi()
  const at = '/api/v1/namespaces/shop/pods/payments-0'
  const annotate = (annotations: Readonly<Record<string, string>>): void => {
    const pod = api.get(at)
    api.put(at, { ...pod, metadata: { ...pod?.metadata, annotations } })
  }
  annotate({ [key]: 'pass' })
  putPolicy(api, 'payments', 'orders')
  const controller = await start(api)
  await isReady(controller)
  await until('the status', () => conditionsOf(api, 'payments').length === 2)
  // A change that shows in the status has been looked at.
  annotate({ [key]: 'pass', 'tokenward.dev/exclude-inbound-ports': '8080' })
  await until('the change', () => conditionsOf(api, 'payments').join().includes('BypassPossible'))
  const event = 'POST /apis/events.k8s.io/v1/namespaces/shop/events'
  await until('what is told', () => api.requests.filter((one) => one === event).length >= count)
  expect(api.requests.filter((one) => one === event)).toHaveLength(count)
})

test('a policy says that an app answers past its sidecar, as that one found, until it does not', async () => {
  const api = await startApi()
  putPolicy(api, 'payments', 'orders')
  const controller = await start(api)
  await isReady(controller)
  const { subscription } = follow(api, controller, api.tokenOf('shop', 'payments-0'))
  const programmed = (): string | undefined => conditionsOf(api, 'payments')[1]
  const whole = 'Programmed True Programmed: applied 1 of 1'
  await until('it is in force', () => programmed() === whole)
  subscription.report([8081])
  await until('it says so', () => programmed() !== whole)
  expect(programmed()).toMatch(
    /^Programmed False BypassPossible: applied 1 of 1; .*shop\/payments-0 \(its app answers past it at port 8081: let it listen on 127\.0\.0\.1\)/,
  )
  subscription.report([])
  await until('it is over', () => programmed() === whole)
})

test('a port in use is named at once, and nothing is left open', async () => {
  const api = await startApi()
  const { hostname, port } = new URL((await start(api)).adminUrl)
  const inUse = { adminAddress: { host: hostname, port: Number(port) } }
  await expect(start(api, [], inUse)).rejects.toThrow(/--admin-address.* is in use/)
})

test('a sidecar that connects anew is no news for status', async () => {
  const api = await startApi()
  const controller = await start(api)
  await isReady(controller)
  putPolicy(api, 'payments', 'orders')
  const isWhole = (): boolean =>
    conditionsOf(api, 'payments').includes('Programmed True Programmed: applied 1 of 1')
  const first = follow(api, controller, api.tokenOf('shop', 'payments-0'))
  await until('it counts', isWhole)
  const before = api.requests.length
  const since = (method: string): number =>
    api.requests.slice(before).filter((one) => one.startsWith(method)).length
  first.subscription.close()
  await until('a renewal without it', () => since('PUT') >= 1)
  const second = follow(api, controller, api.tokenOf('shop', 'payments-0'))
  await until('it is back', () => second.latest() !== undefined)
  await until('another renewal', () => since('PUT') >= 2)
  expect(since('PATCH')).toBe(0)
  second.subscription.close()
  await until('one that stays away is told of', () =>
    conditionsOf(api, 'payments').includes('Programmed False PartiallyProgrammed: applied 0 of 1'),
  )
})

test('an idle controller asks for nothing but its Lease', async () => {
  const api = await startApi()
  const controller = await start(api)
  await isReady(controller)
  putPolicy(api, 'payments', 'orders')
  const payments = follow(api, controller, api.tokenOf('shop', 'payments-0'))
  await until('all is told', () =>
    conditionsOf(api, 'payments').includes('Programmed True Programmed: applied 1 of 1'),
  )
  const before = api.requests.length
  const renewals = (): number => api.requests.slice(before).length
  await until('two renewals', () => renewals() >= 2)
  const text = await (await fetch(`${controller.adminUrl}/metrics`)).text()
  for (const [kind, lists] of [
    ['Pod', 1],
    ['AccessPolicy', 1],
    ['MutatingWebhookConfiguration', 1],
    ['Secret', 5],
  ] as const) {
    expect(text).toContain(`tokenward_kube_lists_total{kind="${kind}"} ${lists}`)
    expect(text).toContain(`tokenward_kube_failures_total{kind="${kind}"} 0`)
  }
  expect(new Set(api.requests.slice(before))).toEqual(
    new Set([
      'PUT /apis/coordination.k8s.io/v1/namespaces/tokenward-system/leases/tokenward-controller',
    ]),
  )
  expect(payments.subscription.connected()).toBe(true)
})

test('a token of a key that is not here makes the keys be fetched again, once for a while', async () => {
  const api = await startApi()
  const controller = await start(api)
  await isReady(controller)
  const stranger = signServiceAccount(
    {
      namespace: 'shop',
      serviceAccount: 'orders',
      serviceAccountUid: 'uid',
      pod: 'orders-0',
      podUid: 'uid',
      issuedAtSeconds: nowSeconds(),
      expiresAtSeconds: nowSeconds() + 600,
      issuer: 'https://kubernetes.default.svc',
      audience: 'tokenward:discovery',
    },
    generateSigningKey(),
  )
  const fetches = (): number => api.requests.filter((one) => one.endsWith('/jwks')).length
  const refused = async (): Promise<number> => {
    const text = await (await fetch(`${controller.adminUrl}/metrics`)).text()
    return Number(/refused_total\{reason="client_assertion"\} (\d+)/.exec(text)?.[1] ?? 0)
  }
  const orders = follow(api, controller, stranger)
  await until('it was refused three times', async () => (await refused()) >= 3)
  expect(orders.latest()).toBeUndefined()
  expect(fetches()).toBe(1)
})

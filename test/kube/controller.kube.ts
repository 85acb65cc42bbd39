import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ClusterController } from '../../pkg/controller/run-in-cluster.ts'
import { methodsOf } from '../support/controller.ts'
import { closeFollowers, startCluster, systemNamespace, type Cluster } from '../support/cluster.ts'
import { until } from '../support/until.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster()
})
afterEach(closeFollowers)
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const policies = '/apis/tokenward.dev/v1alpha1/namespaces/shop/accesspolicies'

/** The first test starts them, the others go on with them. */
let replicas: ClusterController[] = []
const leader = (): ClusterController => {
  const found = replicas.find((replica) => replica.leading())
  if (found === undefined) throw new Error('nobody leads')
  return found
}
const says = (what: string, policy: string, type: string, form: RegExp): Promise<void> =>
  until(what, async () => form.test((await cluster.condition(policy, type)) ?? ''))

const secrets = `/api/v1/namespaces/${systemNamespace}/secrets`

test('from nothing: CRDs that come later, Secrets by two replicas at once, a policy in force and its status', async () => {
  const lines: string[] = []
  replicas = await Promise.all([
    cluster.replica({ lines, isReady: false }),
    cluster.replica({ lines, isReady: false }),
  ])
  await until('the Secrets are there', async () => {
    return (await cluster.get(`${secrets}/tokenward-webhook-tls`)) !== undefined
  })
  await until('readiness names the kind that is missing', async () => {
    const answer = await fetch(`${replicas[0]?.adminUrl}/readyz`)
    return answer.status === 503 && (await answer.text()).includes('accesspolicies.tokenward.dev')
  })
  expect(replicas.map((replica) => replica.isReady())).toEqual([false, false])

  await cluster.installCrd('accesspolicy')
  await cluster.installCrd('trustedissuer')
  await cluster.addWorkload('shop', 'orders', '10.1.0.1')
  await cluster.addWorkload('shop', 'payments', '10.1.0.2')
  await until('both are ready', () => replicas.every((replica) => replica.isReady()), 45_000)
  expect(replicas.filter((replica) => replica.leading())).toHaveLength(1)

  await cluster.putPolicy('payments', 'orders')
  const payments = await cluster.follow(leader(), 'payments')
  await until('the target has the policy', () => methodsOf(payments.latest())[0] === 'GET')
  await until('the status says so', async () => {
    return (await cluster.condition('payments', 'Programmed')) === 'True Programmed: applied 1 of 1'
  })
  payments.subscription.close()
  expect(await cluster.condition('payments', 'Accepted')).toMatch(/^True Accepted/)
  expect(lines.join('\n')).not.toMatch(/PRIVATE KEY|"d":/)
})

test('an edit is enforced at once, and its status names the generation and keeps its times', async () => {
  const payments = await cluster.follow(leader(), 'payments')
  await until('the first policy', () => methodsOf(payments.latest())[0] === 'GET')
  const before = await cluster.conditions('payments')
  const startedAtMs = performance.now()
  await cluster.putPolicy('payments', 'orders', ['POST'])
  await until('the edit', () => methodsOf(payments.latest())[0] === 'POST')
  expect(performance.now() - startedAtMs).toBeLessThan(1000)
  await until('the status', async () =>
    (await cluster.conditions('payments')).every((one) => one.observedGeneration === 2),
  )
  const after = await cluster.conditions('payments')
  payments.subscription.close()
  expect(after.find(({ type }) => type === 'Accepted')).toEqual({
    ...before.find(({ type }) => type === 'Accepted'),
    observedGeneration: 2,
  })
})

test('a policy that nobody understands allows nothing, and says why in status and Event', async () => {
  await cluster.create(policies, {
    apiVersion: 'tokenward.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata: { name: 'mistyped' },
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'orders' }],
      rules: [{ name: 'any', from: [{ serviceAccount: { name: 'payments' } }], oprations: [] }],
    },
  })
  const form = /^False Invalid: spec\.rules\[0\]\.oprations: .*did you mean operations\?/
  await says('the status', 'mistyped', 'Accepted', form)
  await until('the Event', async () =>
    (await cluster.notes('shop', 'AccessPolicy', 'mistyped')).some((note) =>
      note.includes('did you mean operations?'),
    ),
  )
  const orders = await cluster.follow(leader(), 'orders')
  await until('its target is served', () => orders.latest() !== undefined)
  expect(orders.latest()?.rules.ports).toEqual({})
})

test('a target that is not there, one without pods and one that is not guarded are told apart', async () => {
  await cluster.putPolicy('nothing', 'orders')
  await says('the target', 'nothing', 'Accepted', /^False TargetNotFound/)
  await cluster.create('/api/v1/namespaces/shop/services', {
    metadata: { name: 'nothing' },
    spec: { selector: { app: 'nothing' }, ports: [{ port: 80 }] },
  })
  await says('the pods', 'nothing', 'Programmed', /^False NoWorkloads/)
  await cluster.addWorkload('shop', 'ledger', '10.1.0.3', true)
  await cluster.putPolicy('ledger', 'orders')
  const form = /^False BypassPossible: applied 0 of 1; .*shop\/ledger-0 \(no sidecar\)/
  await says('the sidecar', 'ledger', 'Programmed', form)
  expect(await cluster.notes('shop', 'Pod', 'ledger-0')).toEqual([])
  const label = { metadata: { labels: { 'tokenward.dev/inject': 'enabled' } } }
  await cluster.patch('/api/v1/namespaces/shop', label)
  await until('an Event where it should be there', async () =>
    (await cluster.notes('shop', 'Pod', 'ledger-0')).some((note) => /^SidecarMissing/.test(note)),
  )
})

test('who is connected to a replica that does not lead counts for the status that the leader writes', async () => {
  await says('nobody is connected', 'payments', 'Programmed', /applied 0 of 1$/)
  const other = replicas.find((replica) => !replica.leading()) ?? leader()
  const payments = await cluster.follow(other, 'payments')
  await says('it counts', 'payments', 'Programmed', /^True Programmed: applied 1 of 1$/)
  payments.subscription.close()
  await says('it has gone', 'payments', 'Programmed', /applied 0 of 1$/)
})

test('a pod that has ended is no endpoint and may not connect', async () => {
  const orders = await cluster.follow(leader(), 'orders')
  const addresses = (): readonly unknown[] =>
    Object.values(orders.latest()?.addresses ?? {}).flatMap(({ endpoints }) => endpoints)
  await until('the address', () => JSON.stringify(addresses()).includes('10.1.0.3'))
  await cluster.patch('/api/v1/namespaces/shop/pods/ledger-0/status', {
    status: { phase: 'Succeeded' },
  })
  await until('it is gone', () => !JSON.stringify(addresses()).includes('10.1.0.3'))
})

/** Something of every kind: only what happened, or a bookmark, shows a replica that it is up to date. */
async function touchEverything(): Promise<void> {
  await cluster.create('/api/v1/namespaces', { metadata: { name: 'elsewhere' } })
  await cluster.addWorkload('elsewhere', 'any', '10.1.9.9')
  await cluster.putPolicy('nobody', 'orders')
  await cluster.create('/apis/tokenward.dev/v1alpha1/trustedissuers', {
    apiVersion: 'tokenward.dev/v1alpha1',
    kind: 'TrustedIssuer',
    metadata: { name: 'corp' },
    spec: {
      issuer: 'https://issuer.example',
      keys: { jwksUri: 'https://issuer.example/keys' },
      audiences: [{ value: 'shop', services: [{ namespace: 'shop', name: 'orders' }] }],
    },
  })
  for (const name of ['tokenward-controller-tls', 'tokenward-signing-keys']) {
    await cluster.patch(`${secrets}/${name}`, { metadata: { labels: { touched: 'yes' } } })
  }
}

test('who loses its controller goes on with the other at once, and the other leads', async () => {
  const [gone, other] = [leader(), replicas.find((replica) => !replica.leading())]
  if (other === undefined) throw new Error('there is no other')
  const orders = await cluster.follow(gone, 'orders', other)
  await until('it is served', () => orders.latest() !== undefined)
  await touchEverything()
  const elsewhere = await cluster.follow(other, 'orders')
  await until('the other knows of it', () => elsewhere.latest() !== undefined)
  elsewhere.subscription.close()
  const startedAtMs = performance.now()
  await gone.close()
  replicas = [other]
  await until('it is connected to the other', () => orders.subscription.connected())
  expect(performance.now() - startedAtMs).toBeLessThan(3000)
  await until('the other leads', () => other.leading())
  await cluster.putPolicy('payments', 'orders', ['DELETE'])
  await says('it writes status', 'payments', 'Programmed', /applied 0 of 1/)
  await until('of the edit', async () =>
    (await cluster.conditions('payments')).some((one) => one.observedGeneration === 3),
  )
})

test('an API server that goes away changes nothing for who is connected, and is followed again', async () => {
  const payments = await cluster.follow(leader(), 'payments')
  await until('it is served', () => methodsOf(payments.latest())[0] === 'DELETE')
  await cluster.server.restart()
  expect(payments.subscription.connected()).toBe(true)
  await until('somebody leads', () => replicas.some((replica) => replica.leading()), 30_000)
  await cluster.putPolicy('payments', 'orders', ['PUT'])
  await until('the edit', () => methodsOf(payments.latest())[0] === 'PUT', 40_000)
  await until(
    'its status',
    async () =>
      (await cluster.condition('payments', 'Programmed')) === 'True Programmed: applied 1 of 1',
    30_000,
  )
}, 120_000)

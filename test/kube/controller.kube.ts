import { afterAll, beforeAll, expect, test } from 'vitest'
import { methodsOf } from '../support/controller.ts'
import { startCluster, systemNamespace, type Cluster } from '../support/cluster.ts'
import { until } from '../support/until.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const secrets = `/api/v1/namespaces/${systemNamespace}/secrets`

test('from nothing: CRDs that come later, Secrets by two replicas at once, a policy in force and its status', async () => {
  const lines: string[] = []
  const replicas = await Promise.all([
    cluster.replica({ lines, isReady: false }),
    cluster.replica({ lines, isReady: false }),
  ])
  await until('the Secrets are there', async () => {
    return (await cluster.get(`${secrets}/tokenward-webhook-tls`)) !== undefined
  })
  await until('readiness names the kind that is missing', async () => {
    const answer = await fetch(`${replicas[0].adminUrl}/readyz`)
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
  const leader = replicas.find((replica) => replica.leading()) ?? replicas[0]
  const payments = await cluster.follow(leader, 'payments')
  await until('the target has the policy', () => methodsOf(payments.latest())[0] === 'GET')
  await until('the status says so', async () => {
    return (await cluster.condition('payments', 'Programmed')) === 'True Programmed: applied 1 of 1'
  })
  expect(await cluster.condition('payments', 'Accepted')).toMatch(/^True Accepted/)
  expect(lines.join('\n')).not.toMatch(/PRIVATE KEY|"d":/)
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClusterController } from '../../pkg/controller/run-in-cluster.ts'
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { startCluster, systemNamespace, type Cluster } from '../support/cluster.ts'
import { quietLog } from '../support/discovery.ts'
import { objectsOf, renderText } from '../support/helm.ts'
import { writeKubeconfig, type KubeconfigFile } from '../support/kubeconfig.ts'
import { putRendered } from '../support/put-rendered.ts'
import { until } from '../support/until.ts'

// The controller as the chart binds it: its own service account, and the rights of its roles alone.
let cluster: Cluster
let kubeconfig: KubeconfigFile
let controller: ClusterController
let client: KubeClient
const lines: string[] = []

const accounts = `/api/v1/namespaces/${systemNamespace}/serviceaccounts`
const configurations = '/apis/admissionregistration.k8s.io/v1'
const mutating = `${configurations}/mutatingwebhookconfigurations`
const validating = `${configurations}/validatingwebhookconfigurations`

beforeAll(async () => {
  cluster = await startCluster()
  const objects = objectsOf(renderText())
  const isWebhook = (kind: string): boolean => kind.endsWith('WebhookConfiguration')
  const kinds = /^(CustomResourceDefinition|ServiceAccount|(Cluster)?Role(Binding)?)$/
  for (const object of objects.filter(({ kind }) => kinds.test(kind))) {
    await putRendered(cluster.client, object)
  }
  await until('the definitions are served', () =>
    cluster.putPolicy('payments', 'orders').then(
      () => true,
      () => false,
    ),
  )
  // Nobody answers for the webhooks here: from now on no policy can be written.
  for (const object of objects.filter(({ kind }) => isWebhook(kind))) {
    await putRendered(cluster.client, object)
  }
  const { status } = (await cluster.create(`${accounts}/tokenward-controller/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 3600 },
  })) as unknown as { readonly status: { readonly token: string } }
  const { url, ca } = cluster.server
  kubeconfig = writeKubeconfig({ url, ca, token: status.token })
  client = openKubeClient({ kubeconfig: kubeconfig.path, log: quietLog() })
  controller = await cluster.replica({ kubeconfig: kubeconfig.path, lines })
})

afterAll(async () => {
  await controller?.close()
  client?.close()
  kubeconfig?.[Symbol.dispose]()
  await cluster?.[Symbol.asyncDispose]()
})

test('with the rights of the chart it leads, makes its Secrets, writes caBundle and status, and tells Events', async () => {
  expect(controller.leading()).toBe(true)
  for (const path of [mutating, validating]) {
    await until(`caBundle is in ${path}`, async () => {
      const found = await cluster.get<{
        readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[]
      }>(`${path}/tokenward-webhook`)
      return found?.webhooks.every(({ clientConfig }) => Boolean(clientConfig.caBundle)) ?? false
    })
  }
  await until('a policy without its target says so', async () =>
    /^False TargetNotFound/.test((await cluster.condition('payments', 'Accepted')) ?? ''),
  )
  await until('and an Event', async () => {
    const notes = await cluster.notes('shop', 'AccessPolicy', 'payments')
    return notes.some((note) => note.startsWith('TargetNotFound'))
  })
  expect(lines.join('\n')).not.toMatch(/forbidden|\(403\)/i)
})

const refused: readonly (readonly [string, 'GET' | 'POST' | 'DELETE', string, object?])[] = [
  ['a Secret of another namespace', 'GET', '/api/v1/namespaces/shop/secrets'],
  ['all Secrets of its own', 'GET', `/api/v1/namespaces/${systemNamespace}/secrets`],
  ['another Secret of its own', 'GET', `/api/v1/namespaces/${systemNamespace}/secrets/x`],
  [
    'a policy that it would write',
    'DELETE',
    '/apis/tokenward.dev/v1alpha1/namespaces/shop/accesspolicies/payments',
  ],
  [
    'a webhook configuration that is gone',
    'POST',
    mutating,
    { metadata: { name: 'tokenward-webhook' } },
  ],
  ['another webhook configuration', 'DELETE', `${mutating}/x`],
  ['a pod', 'DELETE', '/api/v1/namespaces/shop/pods/orders-0'],
  ['a token of another account', 'POST', `${accounts}/tokenward-authority/token`, {}],
]

test.each(refused.map(([what, ...request]) => ({ what, request })))(
  '$what is not for it',
  async ({ request: [method, path, body] }) => {
    const made = client.request({ method, path, ...(body === undefined ? {} : { body }) })
    await expect(made).rejects.toMatchObject({ status: 403 })
  },
)

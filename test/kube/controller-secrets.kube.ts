import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { ClusterController } from '../../pkg/controller/run-in-cluster.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { closeFollowers, startCluster, systemNamespace, type Cluster } from '../support/cluster.ts'
import { until } from '../support/until.ts'

let cluster: Cluster
let controller: ClusterController
const lines: string[] = []
const secrets = `/api/v1/namespaces/${systemNamespace}/secrets`

beforeAll(async () => {
  cluster = await startCluster()
  await cluster.installCrd('accesspolicy')
  await cluster.installCrd('trustedissuer')
  await cluster.addWorkload('shop', 'orders', '10.1.0.1')
  controller = await cluster.replica({ lines })
})
afterEach(closeFollowers)
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
})

const read = async (name: string, value: string): Promise<string> => {
  const secret = await cluster.get(`${secrets}/${name}`)
  const data = (secret?.['data'] ?? {}) as Readonly<Record<string, string>>
  return Buffer.from(data[value] ?? '', 'base64').toString()
}
const damage = (name: string, value: string, text: string): Promise<unknown> =>
  cluster.patch(`${secrets}/${name}`, { data: { [value]: Buffer.from(text).toString('base64') } })
const isTold = (name: string, words: string): Promise<void> =>
  until(`an Event about ${name}`, async () =>
    (await cluster.notes(systemNamespace, 'Secret', name)).some((note) => note.includes(words)),
  )

test('signing keys that somebody damaged stay as they are, are told of, and the last good ones stay in use', async () => {
  const orders = await cluster.follow(controller, 'orders')
  await until('the keys', () => orders.latest() !== undefined)
  const keys = orders.latest()?.keys
  const whole = await read('tokenward-signing-keys', 'signing.json')
  await damage('tokenward-signing-keys', 'signing.json', whole.slice(0, 40))
  await isTold('tokenward-signing-keys', 'signing.json is damaged; restore it, or delete it')
  // A definition that was just made may be one more for a moment.
  await until('it is counted, and nothing else', async () => {
    const metrics = await (await fetch(`${controller.adminUrl}/metrics`)).text()
    return /^tokenward_controller_problems 1$/m.test(metrics)
  })
  await cluster.putPolicy('orders', 'orders')
  await until('policies still change', () => orders.latest()?.rules.ports['8080'] !== undefined)
  expect(orders.latest()?.keys).toEqual(keys)
  expect(await read('tokenward-signing-keys', 'signing.json')).toBe(whole.slice(0, 40))
  await damage('tokenward-signing-keys', 'signing.json', whole)
  await until('it is over', () => lines.some((line) => line.includes('a problem is over')))
})

test('keys that somebody put there are served, the private halves never', async () => {
  const orders = await cluster.follow(controller, 'orders')
  const whole = JSON.parse(await read('tokenward-signing-keys', 'signing.json')) as {
    readonly keys: readonly object[]
  }
  const next = generateSigningKey()
  const row = { state: 'next', notBefore: '2026-01-01T00:00:00Z', jwk: next.privateJwk }
  const text = JSON.stringify({ keys: [...whole.keys, row] })
  await damage('tokenward-signing-keys', 'signing.json', text)
  await until('both', () => orders.latest()?.keys.keys.length === 2)
  expect(JSON.stringify(orders.latest())).not.toContain('"d":')
})

test('a serving certificate that somebody damaged is made anew, and no stream ends', async () => {
  const orders = await cluster.follow(controller, 'orders')
  await until('it is connected', () => orders.subscription.connected())
  const before = await read('tokenward-controller-tls', 'tls.crt')
  await damage('tokenward-controller-tls', 'tls.key', 'x')
  await until('another key', async () => {
    const after = await read('tokenward-controller-tls', 'tls.crt')
    return after !== before && (await read('tokenward-controller-tls', 'tls.key')) !== 'x'
  })
  await until('it serves with it', () => {
    const said = lines.filter((line) => line.includes('serving with a certificate'))
    return said.length > 1
  })
  expect(orders.subscription.connected()).toBe(true)
  const late = await cluster.follow(controller, 'orders')
  await until('the next client is served', () => late.latest() !== undefined)
})

test('a root that somebody damaged is told of and not replaced; servers go on', async () => {
  const whole = await read('tokenward-root', 'root.key')
  await damage('tokenward-root', 'root.key', 'x')
  await isTold('tokenward-root', 'root.crt and root.key cannot be used')
  expect(await read('tokenward-root', 'root.key')).toBe('x')
  expect(controller.isReady()).toBe(true)
  await damage('tokenward-root', 'root.key', whole)
})

test('a root that somebody deleted is made anew beside the old one, which clients know', async () => {
  const orders = await cluster.follow(controller, 'orders')
  await until('the roots', () => orders.latest() !== undefined)
  const before = orders.latest()?.trust.bundle ?? ''
  await cluster.remove(`${secrets}/tokenward-root`)
  await until('both roots are told', () => {
    const bundle = orders.latest()?.trust.bundle ?? ''
    return bundle !== before && bundle.endsWith(before)
  })
  expect(orders.subscription.connected()).toBe(true)
})

test.each([
  ['mutatingwebhookconfigurations', 'MutatingWebhookConfiguration'],
  ['validatingwebhookconfigurations', 'ValidatingWebhookConfiguration'],
])('%s get our roots, and get them back', async (plural, kind) => {
  const path = `/apis/admissionregistration.k8s.io/v1/${plural}`
  const bundleOf = async (): Promise<readonly string[]> => {
    const found = await cluster.get<{
      readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[]
    }>(`${path}/tokenward-webhook`)
    return (found?.webhooks ?? []).map(({ clientConfig }) =>
      Buffer.from(clientConfig.caBundle ?? '', 'base64').toString(),
    )
  }
  const service = { name: 'tokenward-webhook', namespace: systemNamespace, path: '/x' }
  await cluster.create(path, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name: 'tokenward-webhook' },
    webhooks: ['one', 'two'].map((name) => ({
      name: `${name}.tokenward.dev`,
      clientConfig: { service },
      rules: [
        { apiGroups: ['none'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['x'] },
      ],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
    })),
  })
  const bundle = await read('tokenward-webhook-tls', 'ca.crt')
  const isWhole = async (): Promise<boolean> =>
    (await bundleOf()).every((one) => one === bundle) && bundle !== ''
  await until('both have them', isWhole)
  await cluster.client.request({
    method: 'PATCH',
    path: `${path}/tokenward-webhook`,
    contentType: 'application/json-patch+json',
    body: [{ op: 'remove', path: '/webhooks/1/clientConfig/caBundle' }],
  })
  await until('they are back', isWhole)
})

test('no secret is in what was logged', () => {
  expect(lines.join('')).not.toMatch(/PRIVATE KEY|"d":/)
})

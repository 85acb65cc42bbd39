import { createServer, type Server } from 'node:https'
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { followNamespaces } from '../../cmd/webhook/namespaces.ts'
import { inject } from '../../pkg/admission/inject/inject.ts'
import { listOf, mapOf, type Json } from '../../pkg/admission/json.ts'
import { readReview, writeReview } from '../../pkg/admission/review.ts'
import { listen } from '../../pkg/http/listen.ts'
import { readBody } from '../../pkg/http/body.ts'
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { clusterBinaries, startApiServer, type ApiServer } from '../support/api-server.ts'
import { objectsOf, renderText } from '../support/helm.ts'
import { until } from '../support/until.ts'
import { injectConfig, readPodCases } from '../support/pods.ts'
import {
  startWebhook,
  webhookCertificate,
  webhookRoot,
  type TestWebhook,
} from '../support/webhook.ts'

const log = createLog({ name: 'test', level: 'silent' })
const caBundle = Buffer.from(webhookRoot()).toString('base64')
let server: ApiServer
let client: KubeClient
let webhook: TestWebhook
let meddler: Server
let namespaces: ReturnType<typeof followNamespaces>

beforeAll(async () => {
  server = await startApiServer({
    binaries: clusterBinaries(),
    flags: ['--enable-admission-plugins=AlwaysPullImages'],
    hasServiceAccounts: true,
  })
  client = openKubeClient({ kubeconfig: server.kubeconfig, log })
  namespaces = followNamespaces(client, log)
  webhook = await startWebhook(namespaces)
  const redirect = { 'tokenward.dev/inject': 'enabled' }
  await namespace('shop', redirect)
  await namespace('meddled', { ...redirect, meddle: 'yes' })
  await namespace('limited', redirect)
  await namespace('elsewhere', {})
  await namespace('required', { 'tokenward.dev/inject': 'required' })
  await namespace('tight', { ...redirect, 'pod-security.kubernetes.io/enforce': 'restricted' })
  const limits = [{ type: 'Container', default: { cpu: '500m', memory: '256Mi' } }]
  await post('/api/v1/namespaces/limited/limitranges', {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: { name: 'limits' },
    spec: { limits },
  })
  for (const file of readdirSync('crds')) {
    const [crd] = objectsOf(readFileSync(`crds/${file}`, 'utf8'))
    await post('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd)
  }
  await startMeddler()
  const configurations = objectsOf(renderText()).filter(({ kind }) =>
    /WebhookConfiguration$/.test(kind),
  )
  for (const configuration of configurations) await configure(configuration, webhook.webhook.url)
  await until('pods are injected', async () =>
    initNames(await make('shop', simple())).includes('tokenward-sidecar'),
  )
  await until('pods are meddled with', async () =>
    JSON.stringify(await make('meddled', simple())).includes('"meddler"'),
  )
})

afterAll(async () => {
  namespaces.close()
  client.close()
  meddler.close()
  meddler.closeAllConnections()
  await webhook[Symbol.asyncDispose]()
  await server.close()
})

/** The API server asks us by a URL: there is no network of Services here. */
async function configure(configuration: Json, url: string): Promise<void> {
  const webhooks = listOf(configuration['webhooks'])
    .map(mapOf)
    .map((each) => {
      const { path } = mapOf(mapOf(each['clientConfig'])['service'])
      return { ...each, clientConfig: { url: `${url}${String(path)}`, caBundle } }
    })
  const plural = `${String(configuration['kind']).toLowerCase()}s`
  await post(`/apis/admissionregistration.k8s.io/v1/${plural}`, { ...configuration, webhooks })
}

/** Another's webhook that comes after ours: a container with a probe, first among the init containers one more. */
async function startMeddler(): Promise<void> {
  const { certificate, privateKey } = webhookCertificate()
  meddler = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    void readBody(request, 1 << 24).then((body) => {
      const review = readReview(body)
      const { containers } = mapOf(review?.object['spec'])
      const isThere = listOf(containers).some((each) => mapOf(each)['name'] === 'meddler')
      const probe = { httpGet: { path: '/meddled', port: 'probe' } }
      const ports = [{ name: 'probe', containerPort: 7777 }]
      const added = { name: 'meddler', image: 'm', ports, readinessProbe: probe }
      const operations = isThere
        ? []
        : ([
            { op: 'add', path: '/spec/containers/-', value: added },
            { op: 'add', path: '/spec/initContainers/0', value: { name: 'first', image: 'f' } },
          ] as const)
      const verdict = { allowed: true, operations, warnings: [] } as const
      response.setHeader('content-type', 'application/json')
      response.end(
        writeReview(review?.uid ?? '', { ...verdict, outcome: 'injected', reason: 'test' }),
      )
    })
  })
  const { port } = await listen(meddler, { host: '127.0.0.1', port: 0 })
  await post('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'zz-meddler' },
    webhooks: [
      {
        name: 'meddler.example.org',
        clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle },
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
        ],
        namespaceSelector: { matchLabels: { meddle: 'yes' } },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
      },
    ],
  })
}

function post<T>(path: string, body: unknown, query: Readonly<Record<string, string>> = {}) {
  return client.request<T>({ method: 'POST', path, body, query })
}

/** With the service accounts that the pods here have. */
async function namespace(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const metadata = { name, labels }
  await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata })
  for (const account of ['default', 'orders', 'ledger']) {
    const serviceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account } }
    await post(`/api/v1/namespaces/${name}/serviceaccounts`, serviceAccount)
  }
}

/** What the API server would store. */
function make(inNamespace: string, pod: Json): Promise<Json> {
  const metadata: Json = { name: 'made', ...mapOf(pod['metadata']) }
  return post(
    `/api/v1/namespaces/${inNamespace}/pods`,
    { ...pod, metadata: { ...metadata, namespace: inNamespace } },
    { dryRun: 'All' },
  )
}

function simple(change: { readonly metadata?: Json; readonly spec?: Json } = {}): Json {
  const spec = { containers: [{ name: 'app', image: 'app' }], ...change.spec }
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'made', ...change.metadata }, spec }
}

function initsOf(pod: Json): Json[] {
  return listOf(mapOf(pod['spec'])['initContainers']).map(mapOf)
}

function initNames(pod: Json): unknown[] {
  return initsOf(pod).map(({ name }) => name)
}

function factsOf(name: string) {
  const facts = namespaces.get(name)
  if (facts === undefined) throw new Error(`no namespace ${name}`)
  return { namespace: facts, config: { ...injectConfig, caBundle: webhookRoot() } }
}

const left = /^(unknown-fields|ephemeral-containers|mirror-pod|windows|host-network)$/
const cases = readPodCases().filter(
  ({ name, pod, namespace: facts }) =>
    !left.test(name) && inject(pod, { namespace: facts, config: injectConfig }).kind === 'inject',
)

describe('a pod that the API server has filled in', () => {
  test.each(cases)('$name comes back and needs nothing more', async ({ pod, namespace: facts }) => {
    const interception = facts.annotations['tokenward.dev/interception']
    const metadata: Json = {
      ...mapOf(pod['metadata']),
      labels: { 'tokenward.dev/inject': 'enabled' },
      ...(interception === undefined
        ? {}
        : {
            annotations: { ...facts.annotations, ...mapOf(mapOf(pod['metadata'])['annotations']) },
          }),
    }
    const made = await make('elsewhere', { ...pod, metadata })
    expect(initNames(made)).toContain('tokenward-sidecar')
    expect(inject(made, factsOf('elsewhere'))).toMatchObject({ kind: 'inject', operations: [] })
  })

  test('also where a LimitRange gives limits to every container', async () => {
    const made = await make('limited', simple())
    const sidecar = initsOf(made).find(({ name }) => name === 'tokenward-sidecar')
    expect(inject(made, factsOf('limited'))).toMatchObject({ kind: 'inject', operations: [] })
    expect(mapOf(sidecar?.['resources'])).toMatchObject({ limits: { memory: '128Mi' } })
  })

  test('after another webhook has added containers, the sidecar is first and asks their probes', async () => {
    const made = await make('meddled', simple())
    expect(initNames(made)).toEqual(['tokenward-sidecar', 'tokenward-redirect', 'first'])
    const [sidecar] = initsOf(made)
    expect(JSON.stringify(sidecar?.['args'])).toContain('/probes/meddler/readiness')
    expect(JSON.stringify(mapOf(made['spec'])['containers'])).not.toContain('/meddled')
    expect(inject(made, factsOf('meddled'))).toMatchObject({ kind: 'inject', operations: [] })
  })
})

describe('which pods', () => {
  test('elsewhere only those that ask for it', async () => {
    expect(initNames(await make('elsewhere', simple()))).toEqual([])
    const labels = { 'tokenward.dev/inject': 'enabled' }
    expect(initNames(await make('elsewhere', simple({ metadata: { labels } })))).not.toEqual([])
  })

  test('a pod may opt out where it is not required', async () => {
    const labels = { 'tokenward.dev/inject': 'disabled' }
    expect(initNames(await make('shop', simple({ metadata: { labels } })))).toEqual([])
    await expect(make('required', simple({ metadata: { labels } }))).rejects.toThrow(
      'lets no pod out',
    )
  })

  test('a value that nobody knows is refused, of a pod and of a namespace', async () => {
    const labels = { 'tokenward.dev/inject': 'true' }
    await expect(make('elsewhere', simple({ metadata: { labels } }))).rejects.toThrow(
      'must be enabled or disabled',
    )
    await namespace('mistyped', { 'tokenward.dev/inject': 'enabeld' })
    await expect(make('mistyped', simple())).rejects.toThrow('"enabeld"')
  })

  test('a namespace whose label is as young as its pod', async () => {
    await namespace('young', { 'tokenward.dev/inject': 'enabled' })
    expect(initNames(await make('young', simple()))).not.toEqual([])
  })
})

test('where Pod Security is "restricted", explicit passes and redirect is refused by us', async () => {
  const spec = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'app',
        image: 'app',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  }
  await expect(make('tight', simple({ spec }))).rejects.toThrow('explicit')
  const annotations = {
    'tokenward.dev/interception': 'explicit',
    'tokenward.dev/inbound': '8080:8081',
  }
  const made = await make('tight', simple({ spec, metadata: { annotations } }))
  expect(initNames(made)).toEqual(['tokenward-sidecar'])
})

const policies = '/apis/tokenward.dev/v1alpha1/namespaces/shop/accesspolicies'
const [policy] = objectsOf(readFileSync('examples/shop/payments.yaml', 'utf8')).filter(
  ({ kind }) => kind === 'AccessPolicy',
)

test('a policy with an unknown field is refused, also where the client asks for no validation', async () => {
  const dry = { dryRun: 'All', fieldValidation: 'Ignore' }
  await expect(post(policies, policy, dry)).resolves.toMatchObject({ kind: 'AccessPolicy' })
  const spec = { ...mapOf(policy?.spec), whenever: 'true' }
  await expect(post(policies, { ...policy, spec }, dry)).rejects.toThrow(
    'spec.whenever is not a known field',
  )
})

test('while no webhook answers, pods that it concerns are refused and others are not', async () => {
  await webhook.webhook.close()
  await expect(make('shop', simple())).rejects.toThrow('namespaces.inject.tokenward.dev')
  await expect(make('elsewhere', simple())).resolves.toBeDefined()
})

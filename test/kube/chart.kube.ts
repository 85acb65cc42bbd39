import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { clusterBinaries, startApiServer, type ApiServer } from '../support/api-server.ts'
import { objectsOf, renderText, type Rendered } from '../support/helm.ts'
import { putRendered } from '../support/put-rendered.ts'

let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  server = await startApiServer({ binaries: clusterBinaries() })
  const log = createLog({ name: 'test', level: 'silent' })
  client = openKubeClient({ kubeconfig: server.kubeconfig, log })
  await namespace('tokenward-system', {})
})

afterAll(async () => {
  client.close()
  await server.close()
})

const create = (object: Rendered, query: { readonly dryRun?: 'All' } = {}): Promise<void> =>
  putRendered(client, object, query)

async function namespace(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  await create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
}

test('the API server takes every object of the chart, with no field that it does not know', async () => {
  const objects = objectsOf(renderText())
  for (const object of objects) await create(object, { dryRun: 'All' })
  expect(objects.length).toBeGreaterThan(25)
})

const image = 'localhost/tokenward:dev'
const app = { name: 'app', image: 'app' }
const redirect = { name: 'tokenward-redirect', image, securityContext: { runAsUser: 0 } }
const sidecar = {
  name: 'tokenward-sidecar',
  image,
  restartPolicy: 'Always',
  securityContext: { runAsUser: 15400 },
}
const initContainers = [sidecar, redirect]
const whole = { initContainers, containers: [app] }
const as = (runAsUser: number) => ({ ...app, name: 'other', securityContext: { runAsUser } })
const adding = (name: string) => ({ ...app, securityContext: { capabilities: { add: [name] } } })

const none = 'this pod has none'
const user = 'user id 15400 is the sidecar'
const undo = 'can undo the redirection'
const getAt = 'can get at its sidecar'
const refused: readonly (readonly [string, object, string])[] = [
  ['a pod without a sidecar', { containers: [app] }, none],
  [
    'a sidecar that ends like any init container',
    { ...whole, initContainers: [{ ...sidecar, restartPolicy: undefined }, redirect] },
    none,
  ],
  [
    'a sidecar that runs as somebody else',
    { ...whole, initContainers: [{ ...sidecar, securityContext: { runAsUser: 1 } }, redirect] },
    none,
  ],
  ['a sidecar that nothing is redirected to', { ...whole, initContainers: [sidecar] }, none],
  ['a pod on the host’s network', { ...whole, hostNetwork: true }, 'network cannot have one'],
  ['an app that runs as the sidecar', { ...whole, containers: [as(15400)] }, user],
  ['a pod that runs as the sidecar', { ...whole, securityContext: { runAsUser: 15400 } }, user],
  [
    'an init container that runs as the sidecar',
    { ...whole, initContainers: [...initContainers, as(15400)] },
    user,
  ],
  [
    'a privileged app',
    { ...whole, containers: [{ ...app, securityContext: { privileged: true } }] },
    undo,
  ],
  ['an app with NET_ADMIN', { ...whole, containers: [adding('NET_ADMIN')] }, undo],
  ['an app with a capability in small letters', { ...whole, containers: [adding('all')] }, undo],
  ['an app that may trace all', { ...whole, containers: [adding('CAP_SYS_PTRACE')] }, undo],
  ['a pod that sees the processes of its node', { ...whole, hostPID: true }, getAt],
  ['a pod that shares its processes', { ...whole, shareProcessNamespace: true }, getAt],
  [
    'a pod with a folder of its node',
    {
      ...whole,
      volumes: [{ name: 'a' }, { name: 'node', hostPath: { path: '/var/lib/kubelet' } }],
    },
    getAt,
  ],
]
const allowed: readonly (readonly [string, object])[] = [
  ['a pod with its sidecar', whole],
  ['an app of another user', { ...whole, containers: [as(15401)] }],
  ['an app that binds low ports', { ...whole, containers: [adding('NET_BIND_SERVICE')] }],
  [
    'a pod with volumes of its own',
    { ...whole, volumes: [{ name: 'a' }, { name: 'b', emptyDir: {} }] },
  ],
  ['an init container of its own', { ...whole, initContainers: [...initContainers, as(1000)] }],
]

const pod = (name: string, inNamespace: string, spec: object): Rendered => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: inNamespace },
  spec,
})

async function givePolicy(): Promise<void> {
  const objects = objectsOf(renderText())
  const policy = objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'))
  for (const object of policy) await create(object)
  await namespace('required', { 'tokenward.dev/inject': 'required' })
  await namespace('enabled', { 'tokenward.dev/inject': 'enabled' })
  const bare = pod('bare', 'required', { containers: [app] })
  await expect.poll(() => create(bare, { dryRun: 'All' }).catch(String)).toContain(none)
}

test('a namespace that requires sidecars stores no pod without one, nor one that can get around it', async () => {
  await givePolicy()
  for (const [what, spec, words] of refused) {
    const made = create(pod('p', 'required', spec), { dryRun: 'All' })
    await expect(made, what).rejects.toThrow(words)
    await expect(create(pod('p', 'enabled', spec), { dryRun: 'All' }), what).resolves.toBe(
      undefined,
    )
  }
  for (const [what, spec] of allowed) {
    const made = create(pod('p', 'required', spec), { dryRun: 'All' })
    await expect(made, what).resolves.toBe(undefined)
  }
})

test('an ephemeral container neither runs as the sidecar, nor gets at it or rights over the redirection', async () => {
  const volumes = ['tokenward-tokens', 'data'].map((name) => ({ name, emptyDir: {} }))
  await create(pod('whole', 'required', { ...whole, volumes }))
  const put = (container: object) =>
    client.request({
      method: 'PATCH',
      path: '/api/v1/namespaces/required/pods/whole/ephemeralcontainers',
      query: { dryRun: 'All' },
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { ephemeralContainers: [{ ...container, name: 'debug' }] } },
    })
  await expect(put(as(15400))).rejects.toThrow(user)
  await expect(put(adding('NET_ADMIN'))).rejects.toThrow(undo)
  const mounting = (name: string) => ({ ...app, volumeMounts: [{ name, mountPath: '/mnt' }] })
  await expect(put(mounting('tokenward-tokens'))).rejects.toThrow('get at its tokens')
  const target = { ...app, targetContainerName: 'tokenward-sidecar' }
  await expect(put(target)).rejects.toThrow('get at its tokens')
  await expect(put(as(1000))).resolves.toMatchObject({ kind: 'Pod' })
  await expect(put(mounting('data'))).resolves.toMatchObject({ kind: 'Pod' })
  await expect(put({ ...app, targetContainerName: 'app' })).resolves.toMatchObject({ kind: 'Pod' })
})

test('the image of a sidecar cannot be changed, that of an app can', async () => {
  await create(pod('kept', 'required', whole))
  const put = (list: string, name: string) =>
    client.request({
      method: 'PATCH',
      path: '/api/v1/namespaces/required/pods/kept',
      query: { dryRun: 'All' },
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { [list]: [{ name, image: 'mine' }] } },
    })
  await expect(put('initContainers', 'tokenward-sidecar')).rejects.toThrow('cannot be changed')
  await expect(put('initContainers', 'tokenward-redirect')).rejects.toThrow('cannot be changed')
  await expect(put('containers', 'app')).resolves.toMatchObject({ kind: 'Pod' })
})

test('pods that were there before a namespace required sidecars can still be changed and end', async () => {
  await create(pod('old', 'enabled', { containers: [app] }))
  const label = { metadata: { labels: { 'tokenward.dev/inject': 'required' } } }
  const patch = (path: string, body: object) =>
    client.request({
      method: 'PATCH',
      path,
      contentType: 'application/merge-patch+json',
      body,
    })
  await patch('/api/v1/namespaces/enabled', label)
  const bare = pod('bare', 'enabled', { containers: [app] })
  await expect.poll(() => create(bare, { dryRun: 'All' }).catch(String)).toContain(none)
  const old = '/api/v1/namespaces/enabled/pods/old'
  await expect(patch(old, { metadata: { finalizers: null } })).resolves.toMatchObject({
    kind: 'Pod',
  })
})

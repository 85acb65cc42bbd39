/** Server-side apply, Events and errors against a real API server. */
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { apply } from '../../pkg/kube/apply.ts'
import { openKubeClient } from '../../pkg/kube/client.ts'
import { createEvents } from '../../pkg/kube/events.ts'
import type { KubeObject } from '../../pkg/kube/objects.ts'
import { pathOf, type Resource } from '../../pkg/kube/resource.ts'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { clusterBinaries, startApiServer, type ApiServer } from '../support/api-server.ts'
import { startKubeCase } from '../support/kube-case.ts'
import { writeKubeconfig } from '../support/kubeconfig.ts'
import { until } from '../support/until.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer({ binaries: clusterBinaries() })
})
afterAll(async () => {
  await server?.close()
})

const core = (plural: string, kind: string, isNamespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  isNamespaced,
})
const configMaps = core('configmaps', 'ConfigMap')
const secrets = core('secrets', 'Secret')
const services = core('services', 'Service')

interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>
}

test('apply makes an object, and again it changes nothing', async () => {
  await using kube = await startKubeCase(server, 'apply')
  const object = { metadata: { name: 'a', namespace: 'apply' }, data: { key: 'one' } }
  const options = { fieldManager: 'tokenward-controller' }
  const made = await apply<ConfigMap>(kube.client, { resource: configMaps, object }, options)
  expect(made.data).toEqual({ key: 'one' })
  const again = await apply(kube.client, { resource: configMaps, object }, options)
  expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion)
})

test('a field that is left out goes, one of another manager stays', async () => {
  await using kube = await startKubeCase(server, 'fields')
  const metadata = { name: 'a', namespace: 'fields' }
  const put = (fieldManager: string, data: object): Promise<ConfigMap> =>
    apply(kube.client, { resource: configMaps, object: { metadata, data } }, { fieldManager })
  await put('tokenward-controller', { ours: '1', old: '1' })
  await put('somebody', { theirs: '1' })
  const { data } = await put('tokenward-controller', { ours: '2' })
  expect(data).toEqual({ ours: '2', theirs: '1' })
})

test('without force a field of another manager is a conflict that names it', async () => {
  await using kube = await startKubeCase(server, 'conflict')
  const metadata = { name: 'a', namespace: 'conflict' }
  const put = (fieldManager: string, value: string, force: boolean): Promise<ConfigMap> =>
    apply(
      kube.client,
      { resource: configMaps, object: { metadata, data: { key: value } } },
      { fieldManager, force },
    )
  await put('somebody', 'theirs', true)
  await expect(put('tokenward-controller', 'ours', false)).rejects.toMatchObject({
    status: 409,
    reason: 'Conflict',
    message: expect.stringMatching(/conflict with "somebody".*\.data\.key/) as string,
    causes: [expect.objectContaining({ reason: 'FieldManagerConflict' })],
  })
  expect((await put('tokenward-controller', 'ours', true)).data).toEqual({ key: 'ours' })
})

test('a version that is another one by now is a conflict, the right one is not', async () => {
  await using kube = await startKubeCase(server, 'version')
  const metadata = { name: 'a', namespace: 'version' }
  const put = (value: string, resourceVersion?: string): Promise<ConfigMap> =>
    apply(
      kube.client,
      { resource: configMaps, object: { metadata, data: { key: value } } },
      {
        fieldManager: 'tokenward-controller',
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    )
  const first = await put('one')
  const second = await put('two', first.metadata.resourceVersion)
  expect(second.data).toEqual({ key: 'two' })
  await expect(put('three', first.metadata.resourceVersion)).rejects.toMatchObject({ status: 409 })
})

test('with a uid, an object that was made anew or is gone is not taken for the one that was meant', async () => {
  await using kube = await startKubeCase(server, 'uid')
  await kube.put('a', 'one')
  const uid = '00000000-0000-0000-0000-000000000000'
  const put = (name: string): Promise<KubeObject> => {
    const object = { metadata: { name, namespace: 'uid', uid }, data: { value: 'two' } }
    return apply(kube.client, { resource: configMaps, object }, { fieldManager: 'a' })
  }
  await expect(put('a')).rejects.toMatchObject({ status: 422, reason: 'Invalid' })
  await expect(put('gone')).rejects.toMatchObject({ status: 409, reason: 'Conflict' })
})

test('status is applied by its subresource and leaves the object alone', async () => {
  await using kube = await startKubeCase(server, 'status')
  const metadata = { name: 'a', namespace: 'status' }
  const spec = { ports: [{ port: 80 }] }
  await apply(
    kube.client,
    { resource: services, object: { metadata, spec } },
    { fieldManager: 'tokenward-controller' },
  )
  const condition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  const after = await apply(
    kube.client,
    { resource: services, object: { metadata, status: { conditions: [condition] } } },
    { fieldManager: 'tokenward-controller-status', subresource: 'status' },
  )
  expect(after['status']).toMatchObject({ conditions: [condition] })
  expect(after['spec']).toMatchObject({ ports: [{ port: 80 }] })
})

test('a dry run changes nothing', async () => {
  await using kube = await startKubeCase(server, 'dry')
  await apply(
    kube.client,
    { resource: configMaps, object: { metadata: { name: 'a', namespace: 'dry' } } },
    { fieldManager: 'tokenward-controller', dryRun: true },
  )
  const path = pathOf(configMaps, { namespace: 'dry', name: 'a' })
  await expect(kube.client.request({ method: 'GET', path })).rejects.toMatchObject({
    status: 404,
    reason: 'NotFound',
  })
})

test('every character that a name or a message may have arrives as it is', async () => {
  await using kube = await startKubeCase(server, 'characters')
  const all: Record<string, string> = {
    plain: 'a\tb\nc\rd\u0000e\u0008f\u001f"\\/',
    yaml: '{a: b, c: [d]} # e & *f !g | > % @ `',
    latin: '\u007f\u0080\u0085\u009f\u00a0é',
    wide: '\u2028\u2029\ufeff\ufffe\uffff\ud7ff\ue000',
    astral: '😀𐀀\u{10ffff}',
  }
  const object = { metadata: { name: 'a', namespace: 'characters' }, data: all }
  const options = { fieldManager: 'tokenward-controller' }
  const { data } = await apply<ConfigMap>(kube.client, { resource: configMaps, object }, options)
  expect(data).toEqual(all)
  const half = { ...object, data: { half: 'a\ud800b' } }
  const after = await apply<ConfigMap>(kube.client, { resource: configMaps, object: half }, options)
  expect(after.data).toEqual({ half: 'a\ufffdb' })
})

test('an Event says what it is told, and what comes again is counted in it', async () => {
  await using kube = await startKubeCase(server, 'events')
  let wallMs = Date.now()
  const events = createEvents({
    client: kube.client,
    controller: 'tokenward-controller',
    instance: 'tokenward-controller-0',
    log: kube.log,
    wallMs: () => wallMs,
  })
  const facts = {
    regarding: { apiVersion: 'v1', kind: 'ConfigMap', name: 'a', namespace: 'events' },
    type: 'Warning',
    reason: 'NotInjected',
    action: 'Inject',
    note: 'ä'.repeat(600),
  } as const
  events.record(facts)
  await until('sent', () => events.counts().sent === 1)
  const list = async (): Promise<readonly KubeObject[]> => {
    const path = '/apis/events.k8s.io/v1/namespaces/events/events'
    return (await kube.admin.request<{ items: KubeObject[] }>({ method: 'GET', path })).items
  }
  const [event] = await list()
  expect(event).toMatchObject({
    reportingController: 'tokenward-controller',
    reportingInstance: 'tokenward-controller-0',
    type: 'Warning',
    reason: 'NotInjected',
    action: 'Inject',
    regarding: facts.regarding,
  })
  expect(event?.['eventTime']).toMatch(/\.\d{6}Z$/)
  expect(event?.['note']).toMatch(/^ä{510}…$/)
  wallMs += 60_000
  events.record(facts)
  events.record(facts)
  await until('told', () => events.counts().sent === 2)
  const after = await list()
  expect(after).toHaveLength(1)
  expect(after[0]?.['series']).toMatchObject({ count: 3 })
  await events.close()
  expect(events.counts()).toEqual({ sent: 2, repeated: 2, dropped: 0 })
})

test('an Event that the server has forgotten is made anew, and one of a cluster is in default', async () => {
  await using kube = await startKubeCase(server, 'forgotten')
  await kube.admin
    .request({
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { metadata: { name: 'default' } },
    })
    .catch(() => undefined)
  let wallMs = Date.now()
  const events = createEvents({
    client: kube.client,
    controller: 'tokenward-controller',
    instance: 'one',
    log: kube.log,
    wallMs: () => wallMs,
  })
  const facts = {
    regarding: { apiVersion: 'v1', kind: 'Namespace', name: 'forgotten' },
    type: 'Normal',
    reason: 'Seen',
    action: 'Watch',
    note: 'seen',
  } as const
  events.record(facts)
  await until('sent', () => events.counts().sent === 1)
  const path = '/apis/events.k8s.io/v1/namespaces/default/events'
  await kube.admin.request({ method: 'DELETE', path })
  wallMs += 60_000
  events.record(facts)
  await until('found missing', () => kube.api.seen.some(({ method }) => method === 'PATCH'))
  await until('made anew', () => {
    events.record(facts)
    return events.counts().sent === 2
  })
  await events.close()
})

test('what a role does not grant is named by verb and resource', async () => {
  const kube = await startKubeCase(server, 'limited')
  const limited = openKubeClient({ kubeconfig: server.limitedKubeconfig, log: kube.log })
  const path = '/api/v1/namespaces/shop/services'
  await expect(limited.request({ method: 'GET', path })).rejects.toMatchObject({
    status: 403,
    reason: 'Forbidden',
    message: expect.stringMatching(
      /cannot list services in namespace shop.*must grant the verb "list" on services.*User "limited"/,
    ) as string,
  })
  limited.close()
  await kube[Symbol.asyncDispose]()
})

test('what the server says of a Secret is not repeated, its field is', async () => {
  await using kube = await startKubeCase(server, 'secret')
  const object = { metadata: { name: 'a', namespace: 'secret' }, data: { 'not a key': 'aGlkZGVu' } }
  const error: unknown = await apply(
    kube.client,
    { resource: secrets, object },
    { fieldManager: 'tokenward-controller' },
  ).catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    status: 422,
    causes: [{ reason: 'FieldValueInvalid', field: 'data[not a key]' }],
  })
  const broken = { ...object, data: { key: 'hidden-words' } }
  await expect(
    apply(kube.client, { resource: secrets, object: broken }, { fieldManager: 'a' }),
  ).rejects.toThrow(/^(?!.*hidden-words)/)
})

test('a token that is rotated is used from the next refusal on', async () => {
  await using kube = await startKubeCase(server, 'rotated')
  const kubeconfig = writeKubeconfig({ url: server.url, ca: server.ca, token: 'of-yesterday' })
  const client = openKubeClient({ kubeconfig: kubeconfig.path, log: kube.log })
  const path = '/api/v1/namespaces/rotated'
  await expect(client.request({ method: 'GET', path })).rejects.toMatchObject({ status: 401 })
  writeFileSync(kubeconfig.tokenFile, `${server.token}\n`)
  await expect(client.request({ method: 'GET', path })).resolves.toMatchObject({
    metadata: { name: 'rotated' },
  })
  client.close()
  kubeconfig[Symbol.dispose]()
})

test('a client certificate that has expired is named so', async () => {
  const now = new Date('2024-01-01T00:00:00Z')
  const root = issueRoot({ now })
  const issued = issueServing({ root, dnsNames: ['admin'], ipAddresses: [], days: 1, now })
  const { url, ca, token } = server
  using kubeconfig = writeKubeconfig({ url, ca, token, client: issued })
  const log = createLog({ name: 'test', level: 'silent' })
  const client = openKubeClient({ kubeconfig: kubeconfig.path, log })
  const error: unknown = await client
    .request({ method: 'GET', path: '/api/v1/namespaces' })
    .catch((caught: unknown) => caught)
  expect(error).toMatchObject({
    message: expect.stringContaining(
      'the client certificate in our credentials has expired, 2024-01-02T00:00:00.000Z',
    ) as string,
  })
  client.close()
})

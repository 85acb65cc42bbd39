/** Contenders for a Lease of a real API server. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { KubeClient } from '../../pkg/kube/client.ts'
import { createLease, type Lease } from '../../pkg/kube/lease.ts'
import { clusterBinaries, startApiServer, type ApiServer } from '../support/api-server.ts'
import { startKubeCase, type KubeCase } from '../support/kube-case.ts'
import { until } from '../support/until.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer({ binaries: clusterBinaries() })
})
afterAll(async () => {
  await server?.close()
})

const timing = { durationMs: 1500, renewDeadlineMs: 1000, retryMs: 100 }
const leases: Lease[] = []
afterEach(async () => {
  await Promise.all(leases.splice(0).map((lease) => lease.close()))
})

/** A contender that writes down when it leads. */
function contend(
  kube: KubeCase,
  client: KubeClient,
  options: { readonly namespace: string; readonly identity: string },
): { lease: Lease; told: string[] } {
  const told: string[] = []
  const lease = createLease({
    client,
    name: 'tokenward-controller',
    address: `${options.identity}:15543`,
    onLeading: () => told.push('leading'),
    onLost: () => told.push('lost'),
    log: kube.log,
    timing,
    ...options,
  })
  leases.push(lease)
  lease.start()
  return { lease, told }
}

interface LeaseObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: Readonly<Record<string, string | number>>
}

const read = (kube: KubeCase, namespace: string): Promise<LeaseObject> =>
  kube.admin.request<LeaseObject>({ method: 'GET', path: pathIn(namespace) })
const pathIn = (namespace: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/tokenward-controller`

test('of two contenders one leads, and when it ends the other does at once', async () => {
  const namespace = 'two'
  await using kube = await startKubeCase(server, namespace)
  const one = contend(kube, kube.client, { namespace, identity: 'one' })
  await until('one leads', () => one.lease.leading())
  const two = contend(kube, kube.admin, { namespace, identity: 'two' })
  await until('two sees it', () => two.lease.leader()?.identity === 'one')
  expect(two.lease.leader()).toEqual({ identity: 'one', address: 'one:15543' })
  const { spec } = await read(kube, namespace)
  expect(spec).toMatchObject({ holderIdentity: 'one', leaseTransitions: 0 })
  expect(spec['renewTime']).toMatch(/\.\d{6}Z$/)
  expect(two.told).toEqual([])
  const startMs = performance.now()
  await one.lease.close()
  await until('two leads', () => two.lease.leading())
  expect(performance.now() - startMs).toBeLessThan(timing.durationMs)
  expect(one.told).toEqual(['leading', 'lost'])
  const after = await read(kube, namespace)
  expect(after.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 })
  expect(after.metadata.annotations).toEqual({ 'tokenward.dev/leader-address': 'two:15543' })
  await two.lease.close()
  expect((await read(kube, namespace)).spec).toMatchObject({ holderIdentity: '' })
})

test('a leader that is cut off stops before another begins, and comes back as a follower', async () => {
  const namespace = 'cut-off'
  await using kube = await startKubeCase(server, namespace)
  const one = contend(kube, kube.client, { namespace, identity: 'one' })
  await until('one leads', () => one.lease.leading())
  const two = contend(kube, kube.admin, { namespace, identity: 'two' })
  await until('two looks on', () => two.lease.leader() !== undefined)
  await kube.tcp.be('hang')
  let both = 0
  let neither = 0
  await until('two leads', () => {
    if (one.lease.leading() && two.lease.leading()) both += 1
    if (!one.lease.leading() && !two.lease.leading()) neither += 1
    return two.lease.leading()
  })
  expect(both).toBe(0)
  expect(neither).toBeGreaterThan(0)
  expect(one.told).toEqual(['leading', 'lost'])
  expect(one.lease.problem()).toContain('cannot update leases.coordination.k8s.io')
  await kube.tcp.be('reset')
  await kube.tcp.be('none')
  await until('one sees it', () => one.lease.leader()?.identity === 'two')
  expect(one.lease.problem()).toBeUndefined()
  expect(two.told).toEqual(['leading'])
})

test('of many that start at once exactly one leads', async () => {
  const namespace = 'many'
  await using kube = await startKubeCase(server, namespace)
  const all = ['a', 'b', 'c', 'd', 'e'].map((identity) =>
    contend(kube, kube.client, { namespace, identity }),
  )
  await until('all see a leader', () => all.every(({ lease }) => lease.leader() !== undefined))
  expect(new Set(all.map(({ lease }) => lease.leader()?.identity)).size).toBe(1)
  expect(all.filter(({ lease }) => lease.leading())).toHaveLength(1)
  expect(all.flatMap(({ told }) => told)).toEqual(['leading'])
})

test('a lease that somebody deletes is made anew, and one leads', async () => {
  const namespace = 'deleted'
  await using kube = await startKubeCase(server, namespace)
  const one = contend(kube, kube.client, { namespace, identity: 'one' })
  await until('one leads', () => one.lease.leading())
  await kube.admin.request({ method: 'DELETE', path: pathIn(namespace) })
  await until('it is there again', async () => {
    try {
      return (await read(kube, namespace)).spec['holderIdentity'] === 'one'
    } catch {
      return false
    }
  })
  await until('one leads', () => one.lease.leading())
})

test('times that a holder wrote do not count: what does not change is free after its duration', async () => {
  const namespace = 'far-future'
  await using kube = await startKubeCase(server, namespace)
  await kube.admin.request({
    method: 'POST',
    path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
    body: {
      metadata: { name: 'tokenward-controller', labels: { kept: 'yes' } },
      spec: {
        holderIdentity: 'somebody',
        leaseDurationSeconds: 100_000,
        acquireTime: '2099-01-01T00:00:00.000000Z',
        renewTime: '2099-01-01T00:00:00.000000Z',
        leaseTransitions: 7,
      },
    },
  })
  const startMs = performance.now()
  const one = contend(kube, kube.client, { namespace, identity: 'one' })
  await until('one leads', () => one.lease.leading())
  expect(performance.now() - startMs).toBeGreaterThan(timing.durationMs)
  const lease = await read(kube, namespace)
  expect(lease.spec).toMatchObject({ holderIdentity: 'one', leaseTransitions: 8 })
  expect(lease.metadata).toMatchObject({ labels: { kept: 'yes' } })
})

test('an idle leader renews, and asks for nothing else', async () => {
  const namespace = 'idle'
  await using kube = await startKubeCase(server, namespace)
  const one = contend(kube, kube.client, { namespace, identity: 'one' })
  await until('one leads', () => one.lease.leading())
  const before = kube.api.seen.length
  await until('ten renewals', () => kube.api.seen.length >= before + 10)
  expect(kube.api.seen.slice(before).map(({ method }) => method)).toEqual(
    Array.from({ length: kube.api.seen.length - before }, () => 'PUT'),
  )
})

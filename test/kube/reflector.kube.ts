/** The reflector against a real API server, through proxies that fail. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clusterBinaries, startApiServer, type ApiServer } from '../support/api-server.ts'
import { startKubeCase } from '../support/kube-case.ts'
import { until } from '../support/until.ts'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer({ binaries: clusterBinaries() })
})
afterAll(async () => {
  await server?.close()
})

const longMs = 40_000

test('1,201 objects come in three pages and are one view', async () => {
  await using kube = await startKubeCase(server, 'pages')
  const names = Array.from({ length: 1201 }, (_, at) => `object-${at}`)
  for (let at = 0; at < names.length; at += 50) {
    await Promise.all(names.slice(at, at + 50).map((name) => kube.put(name, name)))
  }
  const reflector = kube.follow()
  await until('synced', () => reflector.synced(), longMs)
  expect([...reflector.items().values()].sort()).toEqual([...names, ...[]].sort())
  const lists = kube.api.seen.filter(({ isWatch }) => !isWatch)
  expect(lists).toHaveLength(3)
})

test('what is made, changed and deleted is seen within a second', async () => {
  await using kube = await startKubeCase(server, 'events')
  const reflector = kube.follow()
  await until('a watch', () => kube.api.watches() === 1)
  await kube.put('a', 'one')
  await until('made', () => reflector.items().get('events/a') === 'one', 1000)
  const version = reflector.version()
  await kube.put('a', 'two')
  await until('changed', () => reflector.items().get('events/a') === 'two', 1000)
  expect(reflector.version()).toBeGreaterThan(version)
  await kube.remove('a')
  await until('deleted', () => reflector.items().size === 0, 1000)
  expect(reflector.counts()).toMatchObject({ lists: 1, watches: 1, failures: 0 })
})

test('an idle watch is reopened when its time is over, with no list and no other request', async () => {
  await using kube = await startKubeCase(server, 'idle')
  const reflector = kube.follow({ timing: { watchSeconds: 1 }, random: () => 0.5 })
  await until('reopened three times', () => reflector.counts().watches === 4, longMs)
  expect(reflector.counts()).toMatchObject({ lists: 1, failures: 0 })
  expect(kube.api.seen).toHaveLength(5)
  await kube.put('a', 'one')
  await until('still followed', () => reflector.items().size === 1)
})

test('a version that the server no longer has leads to a list, which shows what was deleted', async () => {
  await using kube = await startKubeCase(server, 'expired')
  await kube.put('stays', 'one')
  await kube.put('goes', 'one')
  const reflector = kube.follow()
  await until('a watch', () => kube.api.watches() === 1)
  // While it can reach nobody, the history between is forgotten: by etcd, and by the server's cache.
  await kube.tcp.be('refuse')
  await kube.remove('goes')
  await kube.put('comes', 'one')
  await server.compact()
  await server.restart()
  await kube.put('later', 'one')
  await kube.tcp.be('none')
  await until('the new view', () => reflector.items().has('expired/later'), longMs)
  expect([...reflector.items().keys()].sort()).toEqual([
    'expired/comes',
    'expired/later',
    'expired/stays',
  ])
  expect(reflector.counts().lists).toBeGreaterThan(1)
  expect(kube.logged.join()).toContain('too old')
})

test('a server that is stopped and started again is followed on, and its absence has a reason', async () => {
  await using kube = await startKubeCase(server, 'restarted')
  await kube.put('a', 'one')
  const reflector = kube.follow()
  await until('a watch', () => kube.api.watches() === 1)
  await server.stop()
  await until('noticed', () => reflector.problem()?.includes('cannot be reached') === true)
  expect(reflector.items().get('restarted/a')).toBe('one')
  const ageMs = reflector.ageMs()
  await until('it ages', () => reflector.ageMs() > ageMs)
  await server.restart()
  await kube.put('b', 'two')
  await until('followed on', () => reflector.items().size === 2, longMs)
  expect(reflector.problem()).toBeUndefined()
})

test('a server that was away for long is followed within seconds of its return, with no lease to tell', async () => {
  await using kube = await startKubeCase(server, 'long')
  const reflector = kube.follow({ timing: { firstBackoffMs: 800, longestBackoffMs: 30_000 } })
  await until('a watch', () => kube.api.watches() === 1)
  await server.stop()
  await until('six failures', () => reflector.counts().failures >= 6, longMs)
  await server.restart()
  await kube.put('edit', 'one')
  const backMs = performance.now()
  await until('the edit', () => reflector.items().has('long/edit'), longMs)
  expect(performance.now() - backMs).toBeLessThan(7000)
})

test('a server that hangs while a list is asked for is given up and asked again', async () => {
  await using kube = await startKubeCase(server, 'hangs')
  await kube.put('a', 'one')
  server.pause(true)
  const late = kube.admin.request({
    method: 'GET',
    path: '/api/v1/namespaces/hangs/configmaps',
    timeoutMs: 300,
  })
  await expect(late).rejects.toMatchObject({ reason: 'Timeout' })
  server.pause(false)
  const reflector = kube.follow()
  await until('followed', () => reflector.items().size === 1)
})

test('a connection that is dead but open is cut, and what was missed is seen', async () => {
  await using kube = await startKubeCase(server, 'half-open')
  const reflector = kube.follow({
    timing: { watchSeconds: 1, graceMs: 200 },
    random: () => 0,
  })
  await until('a watch', () => kube.api.watches() === 1)
  kube.api.freeze()
  await kube.put('missed', 'one')
  await until('seen after all', () => reflector.items().has('half-open/missed'))
  expect(kube.logged.join()).toContain('its connection is dead')
  expect(reflector.counts().lists).toBe(1)
})

test('a connection whose bytes go nowhere is cut', async () => {
  await using kube = await startKubeCase(server, 'black-hole')
  const reflector = kube.follow({ timing: { watchSeconds: 1, graceMs: 200 }, random: () => 0 })
  await until('a watch', () => kube.api.watches() === 1)
  await kube.tcp.be('hang')
  await kube.put('missed', 'one')
  await until('noticed', () => reflector.counts().failures > 0)
  await kube.tcp.be('reset')
  await kube.tcp.be('none')
  await until('seen after all', () => reflector.items().has('black-hole/missed'))
})

test('a reset in the middle of a watch costs no list', async () => {
  await using kube = await startKubeCase(server, 'reset')
  const reflector = kube.follow()
  await until('a watch', () => kube.api.watches() === 1)
  await kube.tcp.be('reset')
  await kube.put('missed', 'one')
  await kube.tcp.be('none')
  await until('seen after all', () => reflector.items().has('reset/missed'))
  expect(reflector.counts().lists).toBe(1)
})

test('a line that somebody broke leads to a list, and the view is right after it', async () => {
  await using kube = await startKubeCase(server, 'broken')
  const reflector = kube.follow()
  await until('a watch', () => kube.api.watches() === 1)
  kube.api.inject('{"type":"ADDED","object":\n')
  await kube.put('a', 'one')
  await until('a bad line', () => reflector.counts().badLines === 1)
  await until('the view is right', () => reflector.items().get('broken/a') === 'one')
  await until('a list', () => reflector.counts().lists === 2)
})

test('a server that asks to wait is not asked before', async () => {
  await using kube = await startKubeCase(server, 'wait')
  let refusals = 0
  kube.api.order((seen) => {
    if (seen.isWatch || refusals > 0) return 'pass'
    refusals += 1
    return {
      status: 429,
      headers: { 'retry-after': '1' },
      body: { kind: 'Status', code: 429, reason: 'TooManyRequests', message: 'slow down' },
    }
  })
  const startMs = performance.now()
  const reflector = kube.follow()
  await until('synced', () => reflector.synced())
  expect(performance.now() - startMs).toBeGreaterThan(1000)
})

test('a kind that is not there yet is followed once it is', async () => {
  await using kube = await startKubeCase(server, 'crd')
  const reflector = kube.follow({
    path: '/apis/kube.test/v1/widgets',
    transform: ({ metadata }) => metadata.name,
  })
  await until('a reason', () => reflector.problem() !== undefined)
  expect(reflector.problem()).toContain(
    'the API server serves no widgets.kube.test in kube.test/v1 (404); is its CustomResourceDefinition installed?',
  )
  expect(reflector.synced()).toBe(false)
  const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  await kube.admin.request({ method: 'POST', path: definitions, body: widgets })
  await until('followed', () => reflector.synced())
  await kube.admin.request({
    method: 'POST',
    path: '/apis/kube.test/v1/namespaces/crd/widgets',
    body: { apiVersion: 'kube.test/v1', kind: 'Widget', metadata: { name: 'one' } },
  })
  await until('seen', () => reflector.items().get('crd/one') === 'one')
  // Its objects go with it, and that is seen; that the kind is gone is a reason again.
  await kube.admin.request({ method: 'DELETE', path: `${definitions}/widgets.kube.test` })
  await until('gone', () => reflector.items().size === 0, longMs)
  await until('a reason', () => reflector.problem()?.includes('CustomResource') === true, longMs)
})

const widgets = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.kube.test' },
  spec: {
    group: 'kube.test',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    ],
  },
}

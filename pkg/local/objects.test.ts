import { expect, test } from 'vitest'
import { readCoreObject } from '../api/core-objects.ts'
import { objectsOf, serviceAddresses } from './objects.ts'
import { plan, portWishes } from './plan.ts'
import { readLocal } from './read-local.ts'

const source = `workloads:
- name: web
  namespace: shop
  service: { name: web, port: 80 }
  labels: { team: front }
  inbound: { port: 7001 }
  app: { address: 127.0.0.1:3000 }
- name: web-canary
  namespace: shop
  serviceAccount: web
  service: { name: web, port: 80 }
  inbound: { port: 7002 }
  app: { address: 127.0.0.1:3001 }
- name: web
  namespace: other
  service: { name: web, port: 81, portName: api }
  inbound: { port: 7003 }
  app: { address: 127.0.0.1:3002 }
- name: job
  namespace: shop
  app: { address: 127.0.0.1:3003 }
`

function planOf(text: string) {
  const reading = readLocal(text)
  if (!('file' in reading)) throw new Error(JSON.stringify(reading.problems))
  const { file } = reading
  const ports = portWishes(file).map(
    ({ key, port }, index) => [key, port ?? 20_000 + index] as const,
  )
  return plan(file, Object.fromEntries(ports))
}

test('each workload has what a cluster would have for it, and the control plane too', () => {
  const ids = objectsOf(planOf(source), (id) => id).map(({ metadata }) => metadata.uid)
  expect(ids.sort()).toEqual([
    'Namespace/other',
    'Namespace/shop',
    'Namespace/tokenward-system',
    'Pod/other/web-0',
    'Pod/shop/job-0',
    'Pod/shop/web-0',
    'Pod/shop/web-canary-0',
    'Pod/tokenward-system/tokenward-authority-0',
    'Pod/tokenward-system/tokenward-controller-0',
    'Service/other/web',
    'Service/shop/web',
    'ServiceAccount/other/web',
    'ServiceAccount/shop/job',
    'ServiceAccount/shop/web',
    'ServiceAccount/tokenward-system/tokenward-authority',
    'ServiceAccount/tokenward-system/tokenward-controller',
  ])
})

test('every object reads as the Kubernetes object that it stands for', () => {
  for (const manifest of objectsOf(planOf(source), (id) => id)) {
    expect(readCoreObject(manifest.kind, { ...manifest })).toHaveProperty('object')
  }
})

test('a Service selects the pods of its workloads alone, each by its own sidecar port', () => {
  const objects = objectsOf(planOf(source), (id) => id)
  const read = objects.map((manifest) => readCoreObject(manifest.kind, { ...manifest }))
  const pods = read.flatMap((each) =>
    'object' in each && each.object.kind === 'Pod' ? [each.object] : [],
  )
  const service = read.flatMap((each) =>
    'object' in each && each.object.kind === 'Service' && each.object.metadata.namespace === 'shop'
      ? [each.object]
      : [],
  )[0]
  const [selector] = Object.entries(service?.spec.selector ?? {})
  const selected = pods.filter(
    ({ metadata }) =>
      metadata.namespace === 'shop' && metadata.labels?.[selector?.[0] ?? ''] === selector?.[1],
  )
  const target = service?.spec.ports[0]?.targetPort
  const resolved = selected.map(({ metadata, spec }) => [
    metadata.name,
    spec.ports.find(({ name }) => name === target)?.containerPort,
  ])
  expect(resolved).toEqual([
    ['web-0', 7001],
    ['web-canary-0', 7002],
  ])
})

test('names lead to the first pod of a Service; a short name only where it is the only one', () => {
  expect(serviceAddresses(planOf(source), 'cluster.local')).toEqual({
    'web.shop:80': '127.0.0.1:7001',
    'web.shop.svc:80': '127.0.0.1:7001',
    'web.shop.svc.cluster.local:80': '127.0.0.1:7001',
    'web.other:81': '127.0.0.1:7003',
    'web.other.svc:81': '127.0.0.1:7003',
    'web.other.svc.cluster.local:81': '127.0.0.1:7003',
  })
  const alone = planOf(source.slice(0, source.indexOf('- name: web-canary')))
  expect(serviceAddresses(alone, 'cluster.local')).toHaveProperty('web:80', '127.0.0.1:7001')
})

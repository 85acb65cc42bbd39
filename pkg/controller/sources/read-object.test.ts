import { expect, test } from 'vitest'
import type { KubeObject } from '../../kube/objects.ts'
import { readObject } from './read-object.ts'

const meta = { name: 'it', namespace: 'shop', uid: 'u', resourceVersion: '7', generation: 3 }
const objectOf = (more: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...meta, ...metadata },
  ...more,
})
const running = { phase: 'Running', podIP: '10.1.0.1' }
const going = { deletionTimestamp: '2026-01-01T00:00:00Z' }

test.each([
  ['that runs is there', { status: running }, {}, true],
  ['that has no address yet is there', { status: { phase: 'Pending' } }, {}, true],
  ['that is going and still has its address is there', { status: running }, going, true],
  ['that is going and has none is gone', { status: { phase: 'Running' } }, going, false],
  ['that has succeeded is gone', { status: { ...running, phase: 'Succeeded' } }, {}, false],
  ['that has failed is gone', { status: { ...running, phase: 'Failed' } }, {}, false],
])('a pod %s', (_what, more, metadata, isThere) => {
  expect(readObject('Pod', objectOf(more, metadata)) !== undefined).toBe(isThere)
})

const sidecar = { name: 'tokenward-sidecar', restartPolicy: 'Always' }
const redirect = { name: 'tokenward-redirect' }
const excluded = { 'tokenward.dev/exclude-inbound-ports': '22, 9000' }
const mapped = { 'tokenward.dev/inbound': '8080:8081,9090:9091' }
test.each([
  ['our sidecar and redirect', [redirect, sidecar], {}, { kind: 'all', but: [] }],
  ['exclusions', [redirect, sidecar], excluded, { kind: 'all', but: [22, 9000] }],
  ['explicit ports', [sidecar], mapped, { kind: 'some', ports: [8080, 9090] }],
  ['nothing', [], {}, { kind: 'none' }],
  ['an init container of its name', [{ name: 'tokenward-sidecar' }], {}, { kind: 'none' }],
])('a pod with %s', (_what, initContainers, annotations, guard) => {
  const pod = objectOf({ spec: { initContainers }, status: running }, { annotations })
  expect(readObject('Pod', pod)?.guard).toEqual(guard)
})

test('what does not matter leaves no trace: versions, and annotations of others', () => {
  const one = objectOf({ status: running }, { annotations: { other: '1', 'tokenward.dev/x': 'y' } })
  const next = objectOf({ status: running }, { resourceVersion: '8' })
  expect(readObject('Pod', one)?.resource.metadata).toEqual({
    ...readObject('Pod', next)?.resource.metadata,
    annotations: { 'tokenward.dev/x': 'y' },
  })
})

test('an object of the core that is not what it should be is an error that names the field', () => {
  const odd = objectOf({ spec: { ports: [{ port: 'x' }] } })
  expect(() => readObject('Service', odd)).toThrow(/spec\.ports\[0\]\.port/)
})

test.each(['AccessPolicy', 'TrustedIssuer'] as const)(
  'an %s that the parser refuses keeps its name and nothing else',
  (kind) => {
    const object = { ...objectOf({ spec: { rulez: [] } }), apiVersion: 'tokenward.dev/v1alpha1' }
    const { namespace, ...clusterScoped } = object.metadata
    const metadata = kind === 'AccessPolicy' ? { ...clusterScoped, namespace } : clusterScoped
    const seen = readObject(kind, { ...object, kind, metadata: metadata as KubeObject['metadata'] })
    expect(seen?.problems.some(({ path }) => path === 'spec.rulez')).toBe(true)
    expect(seen?.generation).toBe(3)
    expect(seen?.resource).toMatchObject({ kind, spec: {}, metadata: { name: 'it', uid: 'u' } })
  },
)

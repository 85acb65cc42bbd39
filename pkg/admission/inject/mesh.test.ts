import { expect, test } from 'vitest'
import { namespaceOf } from '../../../test/support/pods.ts'
import { otherMesh } from './mesh.ts'
import { readPod } from './pod.ts'

type Texts = Readonly<Record<string, string>>

const cases: readonly (readonly [string, Texts, Texts, string | undefined])[] = [
  ['nothing', {}, {}, undefined],
  ['a namespace of Istio', { 'istio-injection': 'enabled' }, {}, 'Istio'],
  ['a namespace of a revision of Istio', { 'istio.io/rev': 'canary' }, {}, 'Istio'],
  ['an ambient namespace', { 'istio.io/dataplane-mode': 'ambient' }, {}, 'Istio'],
  [
    'a pod that left the ambient mesh',
    { 'istio.io/dataplane-mode': 'ambient' },
    { 'istio.io/dataplane-mode': 'none' },
    undefined,
  ],
  [
    'a pod that left Istio',
    { 'istio-injection': 'enabled' },
    { 'sidecar.istio.io/inject': 'false' },
    undefined,
  ],
  ['a pod that joined Istio', {}, { 'sidecar.istio.io/inject': 'true' }, 'Istio'],
  ['a namespace of Linkerd', { 'linkerd.io/inject': 'enabled' }, {}, 'Linkerd'],
  ['a pod of Linkerd', {}, { 'linkerd.io/inject': 'ingress' }, 'Linkerd'],
  [
    'a pod that left Linkerd for Consul',
    { 'linkerd.io/inject': 'enabled' },
    { 'linkerd.io/inject': 'disabled', 'consul.hashicorp.com/connect-inject': 'true' },
    'Consul',
  ],
  ['a namespace of Kuma', { 'kuma.io/sidecar-injection': 'enabled' }, {}, 'Kuma'],
]

test.each(cases)('%s', (_what, ofNamespace, ofPod, name) => {
  const pod = readPod({ metadata: { labels: ofPod }, spec: {} })
  expect(otherMesh(pod, namespaceOf(ofNamespace))?.name).toBe(name)
  const annotated = readPod({ metadata: { annotations: ofPod }, spec: {} })
  expect(otherMesh(annotated, namespaceOf({}, ofNamespace))?.name).toBe(name)
})

test.each(['istio-proxy', 'linkerd-proxy', 'consul-dataplane', 'kuma-sidecar'])(
  'a container %s is there already, among init containers too',
  (name) => {
    const containers = [{ name }]
    expect(otherMesh(readPod({ spec: { containers } }), namespaceOf())).toBeDefined()
    expect(
      otherMesh(readPod({ spec: { initContainers: containers } }), namespaceOf()),
    ).toBeDefined()
  },
)

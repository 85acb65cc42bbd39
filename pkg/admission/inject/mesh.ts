import type { NamespaceFacts } from './config.ts'
import type { PodView } from './pod.ts'

interface Mesh {
  readonly name: string
  /** Containers that it injects. */
  readonly containers: readonly string[]
  /** Labels or annotations that ask for it, by some values or any: of the pod over those of the namespace. */
  readonly keys: readonly { readonly key: string; readonly on: readonly string[] | 'any' }[]
}

const meshes: readonly Mesh[] = [
  {
    name: 'Istio',
    containers: ['istio-proxy', 'istio-init', 'istio-validation'],
    keys: [
      { key: 'sidecar.istio.io/inject', on: ['true'] },
      { key: 'istio-injection', on: ['enabled'] },
      { key: 'istio.io/rev', on: 'any' },
      { key: 'istio.io/dataplane-mode', on: ['ambient'] },
    ],
  },
  {
    name: 'Linkerd',
    containers: ['linkerd-proxy', 'linkerd-init', 'linkerd-network-validator'],
    keys: [{ key: 'linkerd.io/inject', on: ['enabled', 'ingress'] }],
  },
  {
    name: 'Consul',
    containers: ['consul-dataplane', 'consul-connect-inject-init'],
    keys: [{ key: 'consul.hashicorp.com/connect-inject', on: ['true'] }],
  },
  {
    name: 'Kuma',
    containers: ['kuma-sidecar', 'kuma-init'],
    keys: [{ key: 'kuma.io/sidecar-injection', on: ['enabled', 'true'] }],
  },
]

/** A mesh that redirects the traffic of this pod as well, and how that shows; undefined: none does. */
export function otherMesh(
  pod: PodView,
  namespace: NamespaceFacts,
): { readonly name: string; readonly sign: string } | undefined {
  const ofPod = { ...pod.annotations, ...pod.labels }
  const ofNamespace = { ...namespace.annotations, ...namespace.labels }
  for (const { name, containers, keys } of meshes) {
    const container = pod.containers.find((each) => containers.includes(each.name))
    if (container !== undefined) return { name, sign: `container ${container.name}` }
    // Whatever a pod says of a mesh is its last word: it may have opted out of its namespace's.
    const own = keys.filter(({ key }) => Object.hasOwn(ofPod, key))
    const from = own.length > 0 ? ofPod : ofNamespace
    const whose = own.length > 0 ? 'the pod' : `namespace ${namespace.name}`
    const asked = keys.find(
      ({ key, on }) => Object.hasOwn(from, key) && (on === 'any' || on.includes(from[key] ?? '')),
    )
    if (asked !== undefined) {
      return { name, sign: `${asked.key}: ${from[asked.key] ?? ''} of ${whose}` }
    }
  }
  return undefined
}

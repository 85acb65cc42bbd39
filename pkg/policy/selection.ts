import type { Pod, Service, ServicePort } from '../api/core.ts'
import { compareText, inOrder } from './order.ts'

/** Which pods stand behind which Service, and where they listen. */
export interface Selection {
  /** By `namespace/name`. */
  service(key: string): Service | undefined
  /** Pods that can have a sidecar, in order; host-network pods never have one. */
  readonly pods: readonly Pod[]
  /** Pods that the Service selects; none where it has no selector. */
  podsOf(service: Service): readonly Pod[]
  /** Services that select the pod, in order. */
  servicesOf(pod: Pod): readonly Service[]
}

/** `namespace/name` of an object. */
export function keyOf({ metadata }: Service): string {
  return `${metadata.namespace}/${metadata.name}`
}

/** Whether a Service can be a target: an empty selector selects nothing, as in Kubernetes. */
export function hasSelector(service: Service): boolean {
  return Object.keys(service.spec.selector ?? {}).length > 0
}

/** Who selects whom, by labels within a namespace; worked out once. */
export function createSelection(world: {
  readonly services: readonly Service[]
  readonly pods: readonly Pod[]
}): Selection {
  const services = new Map(inOrder(world.services).map((service) => [keyOf(service), service]))
  const pods = inOrder(world.pods).filter((pod) => !pod.spec.hostNetwork)
  const byNamespace = Map.groupBy(pods, (pod) => pod.metadata.namespace)
  const podsOf = new Map<Service, Pod[]>()
  const servicesOf = new Map<Pod, Service[]>()
  for (const service of services.values()) {
    if (!hasSelector(service)) continue
    const selector = Object.entries(service.spec.selector ?? {})
    const neighbours = byNamespace.get(service.metadata.namespace) ?? []
    const selected = neighbours.filter((pod) => selects(selector, pod))
    podsOf.set(service, selected)
    for (const pod of selected) {
      const row = servicesOf.get(pod)
      if (row === undefined) servicesOf.set(pod, [service])
      else row.push(service)
    }
  }
  return {
    service: (key) => services.get(key),
    pods,
    podsOf: (service) => podsOf.get(service) ?? [],
    servicesOf: (pod) => servicesOf.get(pod) ?? [],
  }
}

function selects(selector: readonly (readonly [string, string])[], pod: Pod): boolean {
  const labels = pod.metadata.labels ?? {}
  return selector.every(([key, value]) => labels[key] === value)
}

/** The number of the pod's port behind a Service's; undefined where the pod has none of that name. */
export function targetPortOf(port: ServicePort, pod: Pod): number | undefined {
  const { targetPort } = port
  if (typeof targetPort === 'number') return targetPort
  return pod.spec.ports.find(({ name }) => name === targetPort)?.containerPort
}

/** Where the pods behind one port of a Service listen; a pod that is being deleted gets no new calls. */
export function endpointsOf(
  selection: Selection,
  service: Service,
  port: ServicePort,
): { readonly address: string; readonly port: number }[] {
  return selection
    .podsOf(service)
    .filter((pod) => pod.metadata.deletionTimestamp === undefined)
    .flatMap((pod) => {
      const number = targetPortOf(port, pod)
      if (number === undefined) return []
      return pod.status.podIPs.map((address) => ({ address, port: number }))
    })
    .sort((one, other) => compareText(one.address, other.address) || one.port - other.port)
}

import type { Plan, PlannedWorkload } from './plan.ts'

/** One Kubernetes object as a manifest has it. */
export interface Manifest {
  readonly apiVersion: 'v1'
  readonly kind: 'Namespace' | 'ServiceAccount' | 'Service' | 'Pod'
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly labels?: Readonly<Record<string, string>>
  }
  readonly spec?: unknown
  readonly status?: unknown
}

/** Namespace, service account and pod of each control-plane process, as in a cluster. */
export const controlPlane = {
  namespace: 'tokenward-system',
  controller: { serviceAccount: 'tokenward-controller', pod: 'tokenward-controller-0' },
  authority: { serviceAccount: 'tokenward-authority', pod: 'tokenward-authority-0' },
} as const

/** The pod of a workload. */
export function podOf(workload: { readonly name: string }): string {
  return `${workload.name}-0`
}

const serviceLabel = 'local.tokenward.dev/service'
/** The container port that Services name: each pod resolves it to its own sidecar's port. */
const inboundName = 'inbound'

/**
 * The objects that a cluster would have for this plan: namespaces, service accounts, Services and one
 * pod per workload. `uid` gives each its UID and must give the same one again for the same object.
 */
export function objectsOf(plan: Plan, uid: (id: string) => string): Manifest[] {
  const made = new Map<string, Manifest>()
  const make = (
    kind: Manifest['kind'],
    name: string,
    rest: { namespace?: string; labels?: Readonly<Record<string, string>> },
    body: { spec?: unknown; status?: unknown } = {},
  ): void => {
    const id = [kind, rest.namespace, name].filter((part) => part !== undefined).join('/')
    made.set(id, {
      apiVersion: 'v1',
      kind,
      metadata: { name, ...rest, uid: uid(id) },
      ...body,
    })
  }
  const { namespace } = controlPlane
  make('Namespace', namespace, {})
  for (const { serviceAccount, pod } of [controlPlane.controller, controlPlane.authority]) {
    make('ServiceAccount', serviceAccount, { namespace })
    make('Pod', pod, { namespace }, podBody(serviceAccount, []))
  }
  for (const workload of plan.workloads) {
    const { namespace, service, serviceAccount, inboundPort } = workload
    make('Namespace', namespace, {})
    make('ServiceAccount', serviceAccount, { namespace })
    make(
      'Pod',
      podOf(workload),
      { namespace, labels: labelsOf(workload) },
      podBody(serviceAccount, [{ name: inboundName, containerPort: inboundPort }]),
    )
    if (service === undefined) continue
    make(
      'Service',
      service.name,
      { namespace },
      {
        spec: {
          selector: { [serviceLabel]: service.name },
          ports: [{ name: service.portName, port: service.port, targetPort: inboundName }],
        },
      },
    )
  }
  return [...made.values()]
}

function labelsOf({ labels, service }: PlannedWorkload): Record<string, string> {
  return { ...labels, ...(service === undefined ? {} : { [serviceLabel]: service.name }) }
}

function podBody(serviceAccountName: string, ports: readonly object[]) {
  return {
    spec: { serviceAccountName, containers: [{ name: 'app', ports }] },
    status: { podIPs: [{ ip: '127.0.0.1' }] },
  }
}

/**
 * What DNS and the Services' own addresses would do: every name that leads to a Service's port, with
 * that port, and where it leads on this machine.
 */
export function serviceAddresses(plan: Plan, clusterDomain: string): Record<string, string> {
  const addresses: Record<string, string> = {}
  for (const workload of plan.workloads) {
    const { service, namespace, inboundPort } = workload
    if (service === undefined) continue
    const qualified = `${service.name}.${namespace}`
    // A short name is one of the caller's own namespace; here all callers share one table.
    const elsewhere = plan.workloads.some(
      (other) => other.service?.name === service.name && other.namespace !== namespace,
    )
    const short = elsewhere ? [] : [service.name]
    for (const host of [
      ...short,
      qualified,
      `${qualified}.svc`,
      `${qualified}.svc.${clusterDomain}`,
    ]) {
      addresses[`${host}:${service.port}`] ??= `127.0.0.1:${inboundPort}`
    }
  }
  return addresses
}

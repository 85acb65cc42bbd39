import type { CoreObject, Pod, Service, ServicePort } from './core.ts'
import { checkCoreMetadata, readMetadata } from './metadata.ts'
import type { Finding } from './problem.ts'
import { createSchemaCheck, type SchemaCheck } from './schema.ts'

const open = (properties: object, rest: object = {}) => ({
  type: 'object',
  properties,
  additionalProperties: {},
  ...rest,
})
const listOf = (items: object) => ({ type: 'array', items })
const text = { type: 'string' }
const portNumber = { type: 'integer', minimum: 1, maximum: 65_535 }
const containers = listOf(
  open({
    restartPolicy: text,
    ports: listOf(
      open(
        { name: text, containerPort: portNumber, protocol: text },
        { required: ['containerPort'] },
      ),
    ),
  }),
)

const checkService = createSchemaCheck(
  open({
    type: text,
    clusterIP: text,
    clusterIPs: listOf(text),
    selector: { type: 'object', additionalProperties: text },
    ports: listOf(
      open(
        {
          name: text,
          port: portNumber,
          protocol: text,
          targetPort: { type: ['integer', 'string'] },
        },
        { required: ['port'] },
      ),
    ),
  }),
)
const checkPodSpec = createSchemaCheck(
  open({
    serviceAccountName: text,
    hostNetwork: { type: 'boolean' },
    containers,
    initContainers: containers,
  }),
)
const checkPodStatus = createSchemaCheck(
  open({ podIP: text, podIPs: listOf(open({ ip: text }, { required: ['ip'] })) }),
)

/** The kinds of `v1` that are read; all others in a folder are left alone. */
export const coreKinds: readonly string[] = ['Namespace', 'ServiceAccount', 'Service', 'Pod']

type Row = Readonly<Record<string, unknown>>

/** Cuts a Kubernetes object (`v1`, a kind of `coreKinds`) to the fields that are used. */
export function readCoreObject(
  kind: string,
  value: Row,
): { readonly object: CoreObject } | { readonly findings: readonly Finding[] } {
  const check = (part: SchemaCheck, name: string) => part(value[name] ?? {}, name)
  const findings = [
    ...checkCoreMetadata(value['metadata'] ?? {}, 'metadata'),
    ...(kind === 'Service' ? check(checkService, 'spec') : []),
    ...(kind === 'Pod' ? [...check(checkPodSpec, 'spec'), ...check(checkPodStatus, 'status')] : []),
  ]
  if (findings.length > 0) return { findings }
  const metadata = readMetadata(value['metadata'], kind === 'Namespace' ? 'Cluster' : 'Namespaced')
  if (kind === 'Namespace') return { object: { kind, metadata } }
  if (kind === 'ServiceAccount') return { object: { kind, metadata } }
  if (kind === 'Service')
    return { object: { kind, metadata, spec: readServiceSpec(value['spec']) } }
  const status = { podIPs: podAddresses(value['status']) }
  return { object: { kind: 'Pod', metadata, spec: readPodSpec(value['spec']), status } }
}

interface ServiceSpec {
  readonly type?: string
  readonly clusterIP?: string
  readonly clusterIPs?: readonly string[]
  readonly selector?: Readonly<Record<string, string>>
  readonly ports?: readonly (Partial<ServicePort> & {
    readonly port: number
    readonly protocol?: string
  })[]
}

function readServiceSpec(value: unknown): Service['spec'] {
  const spec = (value ?? {}) as ServiceSpec
  const addresses = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP])
  const { selector = {} } = spec
  // Kubernetes does not act on the selector of an ExternalName.
  const selects = Object.keys(selector).length > 0 && spec.type !== 'ExternalName'
  return {
    clusterIPs: addresses.filter((address) => address !== '' && address !== 'None'),
    ports: (spec.ports ?? []).filter(isTcp).map(({ name = '', port, targetPort = port }) => ({
      name,
      port,
      targetPort,
    })),
    ...(selects ? { selector } : {}),
  }
}

interface Container {
  readonly restartPolicy?: string
  readonly ports?: readonly {
    readonly name?: string
    readonly containerPort: number
    readonly protocol?: string
  }[]
}

interface PodSpec {
  readonly serviceAccountName?: string
  readonly hostNetwork?: boolean
  readonly containers?: readonly Container[]
  readonly initContainers?: readonly Container[]
}

function readPodSpec(value: unknown): Pod['spec'] {
  const spec = (value ?? {}) as PodSpec
  const sidecars = (spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always')
  const ports = [...(spec.containers ?? []), ...sidecars].flatMap((one) => one.ports ?? [])
  return {
    serviceAccountName: spec.serviceAccountName || 'default',
    hostNetwork: spec.hostNetwork ?? false,
    ports: ports
      .filter(isTcp)
      .flatMap(({ name, containerPort }) => (name === undefined ? [] : [{ name, containerPort }])),
  }
}

interface PodStatus {
  readonly podIP?: string
  readonly podIPs?: readonly { readonly ip: string }[]
}

function podAddresses(value: unknown): string[] {
  const { podIP, podIPs } = (value ?? {}) as PodStatus
  return podIPs?.map(({ ip }) => ip) ?? (podIP === undefined || podIP === '' ? [] : [podIP])
}

/** UDP and SCTP are not covered. */
function isTcp({ protocol = 'TCP' }: { readonly protocol?: string }): boolean {
  return protocol === 'TCP'
}

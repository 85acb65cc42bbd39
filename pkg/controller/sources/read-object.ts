import { readCoreObject } from '../../api/core-objects.ts'
import { isOurs, keys } from '../../api/keys.ts'
import { parseObject } from '../../api/parse.ts'
import { pathText, type Problem } from '../../api/problem.ts'
import type { CustomResource } from '../../api/types.ts'
import type { KubeObject } from '../../kube/objects.ts'
import { parseTemplate } from '../../policy/path.ts'
import type { Guard, Resource } from './snapshot.ts'

/** An object of the API server, cut to what is used. */
export interface Seen {
  /** Its `resourceVersion` is empty: what does not matter must not look like a change. */
  readonly resource: Resource
  /** Why the parser refuses it; it is then without its spec. */
  readonly problems: readonly Problem[]
  readonly generation: number
  /** Of a pod. */
  readonly guard?: Guard
}

const sidecarName = 'tokenward-sidecar'
const redirectName = 'tokenward-redirect'

/**
 * Reads an object of one of our own kinds or of those of the core that are used; undefined for a pod that
 * has ended. Throws an Error where an object of the core is not what it should be.
 */
export function readObject(kind: Resource['kind'], object: KubeObject): Seen | undefined {
  const facts = { generation: object.metadata.generation ?? 0, problems: [] }
  if (kind === 'AccessPolicy' || kind === 'TrustedIssuer') return readCustom(kind, object, facts)
  if (kind === 'Pod' && hasEnded(object)) return undefined
  const read = readCoreObject(kind, { ...object, metadata: cut(object.metadata) })
  if ('findings' in read) {
    const said = read.findings.map(({ path, message }) => `${pathText(path)} ${message}`)
    throw new Error(said.join('; '))
  }
  const resource = read.object
  return kind === 'Pod' ? { ...facts, resource, guard: guardOf(object) } : { ...facts, resource }
}

function readCustom(
  kind: CustomResource['kind'],
  object: KubeObject,
  facts: Omit<Seen, 'resource'>,
): Seen {
  const { namespace = '', name } = object.metadata
  const file = namespace === '' ? name : `${namespace}/${name}`
  const { resources, problems } = parseObject({ ...object, kind }, file, { parseTemplate })
  const resource = resources[0]?.resource
  const metadata = { ...cut(object.metadata), namespace, resourceVersion: '' }
  if (resource === undefined) {
    // Known by its name, and allows nothing: compile refuses what has no spec.
    const bare = { apiVersion: object.apiVersion, kind, spec: {} } as unknown as CustomResource
    return { ...facts, problems, resource: { ...bare, metadata } }
  }
  return { ...facts, resource: { ...resource, metadata } }
}

/** Metadata that decisions read, and no version. */
function cut({ annotations = {}, ...metadata }: KubeObject['metadata']) {
  const { name, namespace, uid, labels, creationTimestamp, deletionTimestamp } = metadata
  const ours = Object.entries(annotations).filter(([key]) => isOurs(key))
  return {
    name,
    uid,
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(ours.length === 0 ? {} : { annotations: Object.fromEntries(ours) }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  }
}

interface PodParts {
  readonly spec?: {
    readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[]
  }
  readonly status?: { readonly phase?: string; readonly podIP?: string }
}

/** Its address may belong to another pod already, and nothing runs in it. */
function hasEnded(object: KubeObject): boolean {
  const { phase, podIP } = (object as PodParts).status ?? {}
  const isGoing = object.metadata.deletionTimestamp !== undefined && !podIP
  return phase === 'Succeeded' || phase === 'Failed' || isGoing
}

function guardOf(object: KubeObject): Guard {
  const { initContainers = [] } = (object as PodParts).spec ?? {}
  const { annotations = {} } = object.metadata
  const hasSidecar = initContainers.some(
    ({ name, restartPolicy }) => name === sidecarName && restartPolicy === 'Always',
  )
  if (!hasSidecar) return { kind: 'none' }
  if (initContainers.some(({ name }) => name === redirectName)) {
    return { kind: 'all', but: portsIn(annotations[keys.excludeInboundPorts]) }
  }
  return { kind: 'some', ports: portsIn(annotations[keys.inbound]) }
}

/** `22, 9000`, or the first of each pair of `8080:8081`; admission has judged the form. */
function portsIn(text = ''): number[] {
  return text.split(',').flatMap((part) => {
    const port = Number.parseInt(part, 10)
    return Number.isNaN(port) ? [] : [port]
  })
}

/** A kind of object as the API server's paths name it. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly isNamespaced: boolean
}

export interface Place {
  readonly namespace?: string
  readonly name?: string
  /** `status`, `token`, … */
  readonly subresource?: string
}

/** The path of a resource: all of them, those of one namespace, one by name, or a part of that one. */
export function pathOf(resource: Resource, place: Place = {}): string {
  const { group, version, plural, isNamespaced } = resource
  const { namespace, name, subresource } = place
  if (name !== undefined && isNamespaced !== (namespace !== undefined)) {
    throw new Error(`one of ${plural} is named ${isNamespaced ? 'with' : 'without'} a namespace`)
  }
  return [
    group === '' ? '/api' : `/apis/${group}`,
    version,
    ...(namespace === undefined ? [] : ['namespaces', segmentOf(namespace)]),
    plural,
    ...(name === undefined ? [] : [segmentOf(name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ].join('/')
}

function segmentOf(name: string): string {
  if (['', '.', '..'].includes(name)) throw new Error(`"${name}" is no name`)
  return encodeURIComponent(name)
}

/** How an object is keyed: `namespace/name`, and `name` alone where it has no namespace. */
export function keyOf(metadata: { readonly namespace?: string; readonly name: string }): string {
  const { namespace, name } = metadata
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`
}

/** `group/version` as objects have it in `apiVersion`. */
export function apiVersionOf({ group, version }: Resource): string {
  return group === '' ? version : `${group}/${version}`
}

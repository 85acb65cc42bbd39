/** What a request to the API server does, in the words of a role: verb, resource, where. */
export interface RequestWords {
  /** As a role names it: get, list, watch, create, update, patch, delete. */
  readonly verb: string
  /** `pods`, `accesspolicies.tokenward.dev`, `pods/status`; a path that is no resource, as it is. */
  readonly resource: string
  /** API group and version, `v1` or `tokenward.dev/v1alpha1`. */
  readonly version: string
  readonly namespace?: string
  readonly name?: string
}

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** Reads verb and resource back from a request. */
export function wordsOf(method: string, path: string, isWatch = false): RequestWords {
  const [root, ...rest] = path.split('/').filter((part) => part !== '')
  const group = root === 'apis' ? (rest.shift() ?? '') : ''
  const version = rest.shift() ?? ''
  const isNamespaced = rest[0] === 'namespaces' && rest.length > 2 && !isOwnPart(rest[2])
  const namespace = isNamespaced ? rest[1] : undefined
  const [plural, name, subresource] = isNamespaced ? rest.slice(2) : rest
  if ((root !== 'api' && root !== 'apis') || plural === undefined) {
    return { verb: method.toLowerCase(), resource: path, version: '' }
  }
  const read = isWatch ? 'watch' : name === undefined ? 'list' : 'get'
  const part = subresource === undefined ? '' : `/${subresource}`
  return {
    verb: verbs[method] ?? read,
    resource: `${plural}${group === '' ? '' : `.${group}`}${part}`,
    version: group === '' ? version : `${group}/${version}`,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  }
}

/** `/api/v1/namespaces/shop/status` is a part of the Namespace itself. */
function isOwnPart(part: string | undefined): boolean {
  return part === 'status' || part === 'finalize'
}

/** `list accesspolicies.tokenward.dev in namespace shop`. */
export function sentenceOf(words: RequestWords): string {
  const name = words.name === undefined ? '' : ` "${words.name}"`
  const where = words.namespace === undefined ? '' : ` in namespace ${words.namespace}`
  return `${words.verb} ${words.resource}${name}${where}`
}

import type { Conflict, Resource } from './snapshot.ts'

/**
 * The resources of all files. Where several have the same kind, namespace and name, none of them counts:
 * which one was meant is not ours to guess.
 */
export function mergeResources(
  files: Iterable<{ readonly name: string; readonly resources: readonly Resource[] }>,
): { readonly resources: readonly Resource[]; readonly conflicts: readonly Conflict[] } {
  const found = new Map<string, { resource: Resource; files: string[] }>()
  for (const { name, resources } of files) {
    for (const resource of resources) {
      const key = keyOf(resource)
      const row = found.get(key)
      if (row === undefined) found.set(key, { resource, files: [name] })
      else row.files.push(name)
    }
  }
  const resources: Resource[] = []
  const conflicts: Conflict[] = []
  for (const { resource, files: names } of found.values()) {
    if (names.length === 1) resources.push(resource)
    else {
      const { namespace, name } = resource.metadata
      conflicts.push({ kind: resource.kind, namespace, name, files: names })
    }
  }
  return { resources, conflicts }
}

function keyOf({ kind, metadata }: Resource): string {
  return `${kind}/${metadata.namespace}/${metadata.name}`
}

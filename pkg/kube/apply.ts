import type { KubeClient } from './client.ts'
import type { KubeObject } from './objects.ts'
import { apiVersionOf, pathOf, type Resource } from './resource.ts'

export interface ApplyOptions {
  /** Who owns the fields: another one for status than for objects. */
  readonly fieldManager: string
  /** `status`. */
  readonly subresource?: string
  /** Applied only if the object still is of this version; else KubeError 409. */
  readonly resourceVersion?: string
  /** Whether fields that others own are taken from them; default true. */
  readonly force?: boolean
  readonly dryRun?: boolean
}

/** What is to be so: every field of ours each time, for one that is left out is deleted. */
export interface Intent {
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    /** Never a new object, nor one of that name that was made anew: KubeError 409 or 422. */
    readonly uid?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly [field: string]: unknown
}

/**
 * Server-side apply. Gives the object as it is now. Throws KubeError: 409 where a field belongs to
 * somebody else (without `force`) or the version is another one, 422 where the object is not valid.
 */
export function apply<T = KubeObject>(
  client: KubeClient,
  target: { readonly resource: Resource; readonly object: Intent },
  options: ApplyOptions,
): Promise<T> {
  const { resource, object } = target
  const { fieldManager, subresource, resourceVersion, force = true, dryRun = false } = options
  const { name, namespace } = object.metadata
  const place = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(subresource === undefined ? {} : { subresource }),
  }
  const body = {
    ...object,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      ...object.metadata,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  }
  return client.request<T>({
    method: 'PATCH',
    path: pathOf(resource, place),
    query: { fieldManager, force, ...(dryRun ? { dryRun: 'All' } : {}) },
    contentType: 'application/apply-patch+yaml',
    body: jsonForYaml(body),
  })
}

/**
 * JSON that the server's YAML reader takes too: it refuses some characters unless they are escaped
 * (YAML 1.2, 5.1), and half of a surrogate pair always.
 */
function jsonForYaml(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'string' ? member.toWellFormed() : member,
  ).replace(
    /[\u007f-\u009f\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

import type { ObjectMeta } from './core.ts'
import { createSchemaCheck } from './schema.ts'

const label = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'
const subdomain = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'
const texts = { type: 'object', additionalProperties: { type: 'string' } }
const used = {
  name: { type: 'string', minLength: 1, maxLength: 253, pattern: subdomain },
  namespace: { type: 'string', minLength: 1, maxLength: 63, pattern: label },
  uid: { type: 'string', minLength: 1, maxLength: 128 },
  resourceVersion: { type: 'string', minLength: 1, maxLength: 128 },
  labels: texts,
  annotations: texts,
  creationTimestamp: { type: 'string', maxLength: 64 },
  deletionTimestamp: { type: 'string', maxLength: 64 },
}
const rest =
  'generateName selfLink generation deletionGracePeriodSeconds ownerReferences finalizers managedFields'
const unused = Object.fromEntries(rest.split(' ').map((name) => [name, {}]))

/** Of custom resources: a mistyped `namespace` would put a policy elsewhere, so it is refused. */
export const checkMetadata = createSchemaCheck({
  type: 'object',
  required: ['name'],
  properties: { ...used, ...unused },
})

/** Of core objects, whose other fields are not ours to judge. */
export const checkCoreMetadata = createSchemaCheck({
  type: 'object',
  required: ['name'],
  properties: used,
  additionalProperties: {},
})

/**
 * The used part of checked metadata. The namespace is `default` where none is named, and the empty
 * string for what is cluster-scoped. `uid` and `resourceVersion` are the empty string where the text
 * has none: a source that is not an API server makes them.
 */
export function readMetadata(value: unknown, scope: 'Namespaced' | 'Cluster'): ObjectMeta {
  const given = value as Partial<ObjectMeta>
  return {
    name: given.name ?? '',
    namespace: scope === 'Cluster' ? '' : (given.namespace ?? 'default'),
    uid: given.uid ?? '',
    resourceVersion: given.resourceVersion ?? '',
    ...(given.labels === undefined ? {} : { labels: given.labels }),
    ...(given.annotations === undefined ? {} : { annotations: given.annotations }),
    ...(given.creationTimestamp === undefined
      ? {}
      : { creationTimestamp: given.creationTimestamp }),
    ...(given.deletionTimestamp === undefined
      ? {}
      : { deletionTimestamp: given.deletionTimestamp }),
  }
}

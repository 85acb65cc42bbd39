import { createHash } from 'node:crypto'
import { parseResources } from '../../api/parse.ts'
import type { Problem } from '../../api/problem.ts'
import { parseTemplate } from '../../policy/path.ts'
import type { Resource } from './snapshot.ts'

/** What one folder is read for: the user's own resources, or what a cluster would have. */
export type Sort = 'custom' | 'core'

/**
 * The resources of one file of that sort, each with a UID: the API server's part is played by a hash of
 * the name, so that a restart changes nothing. Objects of the other sort are left alone.
 */
export function readManifest(
  text: string,
  file: string,
  sort: Sort,
): { readonly resources: readonly Resource[]; readonly problems: readonly Problem[] } {
  const { resources, problems } = parseResources(text, file, { parseTemplate })
  const wanted = resources.map(({ resource }) => resource).filter((one) => sortOf(one) === sort)
  return { resources: wanted.map(withUid), problems }
}

function sortOf({ kind }: Resource): Sort {
  return kind === 'AccessPolicy' || kind === 'TrustedIssuer' ? 'custom' : 'core'
}

function withUid(resource: Resource): Resource {
  const { kind, metadata } = resource
  if (metadata.uid !== '') return resource
  const name = JSON.stringify([kind, metadata.namespace, metadata.name])
  const digest = createHash('sha256').update(name).digest('hex')
  const uid = [8, 12, 16, 20, 32].map((end, at, ends) => digest.slice(ends[at - 1] ?? 0, end))
  return { ...resource, metadata: { ...metadata, uid: uid.join('-') } }
}

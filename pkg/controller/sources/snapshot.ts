import type { CoreObject } from '../../api/core.ts'
import type { Problem } from '../../api/problem.ts'
import type { CustomResource } from '../../api/types.ts'
import type { Revision } from '../../discovery/wire.ts'
import type { JsonWebKeyRow } from '../../token/claims.ts'

export type Resource = CoreObject | CustomResource

/** Resources of the same kind, namespace and name: none of them counts. */
export interface Conflict {
  readonly kind: Resource['kind']
  readonly namespace: string
  readonly name: string
  readonly files: readonly string[]
}

/** Who is believed: the control plane's roots, and who signs service-account tokens. */
export interface Trust {
  /** PEM. */
  readonly bundle: string
  readonly serviceAccounts: { readonly issuer: string; readonly keys: readonly JsonWebKeyRow[] }
}

/** `kind/namespace/name`. */
export function resourceKey(
  kind: string,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): string {
  return `${kind}/${namespace}/${name}`
}

/** What an API server knows besides. */
export interface ServerFacts {
  /** Custom resources that the parser refuses, by key: they are among the resources, without a spec. */
  readonly refused: ReadonlyMap<string, readonly Problem[]>
  /** `metadata.generation` of custom resources, by key. */
  readonly generations: ReadonlyMap<string, number>
  /** What the sidecar of each pod stands before, by UID. */
  readonly guards: ReadonlyMap<string, Guard>
}

/**
 * What a sidecar stands before: nothing, for there is none; every port but some; or some ports and no
 * others. Read from the pod as it is, for people: no decision rests on it.
 */
export type Guard =
  | { readonly kind: 'none' }
  | { readonly kind: 'all'; readonly but: readonly number[] }
  | { readonly kind: 'some'; readonly ports: readonly number[] }

/** One view of a source. */
export interface Snapshot {
  readonly revision: Revision
  readonly resources: readonly Resource[]
  readonly trust: Trust
  /** `file` is relative to the folder that it is in. */
  readonly problems: readonly Problem[]
  readonly conflicts: readonly Conflict[]
  /** Absent: the source is a folder. */
  readonly server?: ServerFacts
}

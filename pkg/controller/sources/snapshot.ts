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

/** One view of a source. */
export interface Snapshot {
  readonly revision: Revision
  readonly resources: readonly Resource[]
  readonly trust: Trust
  /** `file` is relative to the folder that it is in. */
  readonly problems: readonly Problem[]
  readonly conflicts: readonly Conflict[]
}

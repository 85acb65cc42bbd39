import type { AuthorityWorkload } from '../../policy/workload-policy.ts'
import type { Policy } from '../policy-state.ts'

/** Who asks, authenticated. */
export interface Client {
  readonly identity: string
  /** UID of its ServiceAccount. */
  readonly uid: string
  readonly workload: AuthorityWorkload
}

export interface Judging {
  readonly policy: Policy
  readonly nowSeconds: number
}

/** One way to authenticate by a `client_assertion` (RFC 7521 4.2). */
export interface ClientMethod {
  /** Whether this very assertion has authenticated somebody before. */
  isKnown(assertion: string): boolean
  /** Throws Refusal `client_assertion`, `client_unknown`, `behind`, `keys_unavailable`. */
  authenticate(assertion: string, judging: Judging): Client
}

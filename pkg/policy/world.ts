import type { Namespace, Pod, Service, ServiceAccount } from '../api/core.ts'
import type { AccessPolicy, TrustedIssuer } from '../api/types.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'

/** Everything that `compile` looks at. */
export interface World {
  readonly trustDomain: string
  readonly clusterDomain: string
  readonly namespaces: readonly Namespace[]
  readonly serviceAccounts: readonly ServiceAccount[]
  readonly services: readonly Service[]
  readonly pods: readonly Pod[]
  readonly policies: readonly AccessPolicy[]
  readonly issuers: readonly TrustedIssuer[]
  /** TrustedIssuer's name -> the keys that its `jwksUri` served. */
  readonly jwks?: ReadonlyMap<string, { readonly keys: readonly JsonWebKeyRow[] }>
}

/** Identity of a workload. */
export function identityOf(trustDomain: string, namespace: string, account: string): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`
}

/** UID of a ServiceAccount (`namespace/name`) that exists. */
export type AccountUids = ReadonlyMap<string, string>

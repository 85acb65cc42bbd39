import type { Generation, PodFacts } from '../discovery/index.ts'
import { compile, type Compiled, type SidecarPolicy } from '../policy/compile.ts'
import type { KeysSection, WorkloadPolicy } from '../policy/workload-policy.ts'
import type { World } from '../policy/world.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'
import type { Resource, Snapshot } from './sources/snapshot.ts'

export interface WorldOptions {
  readonly trustDomain: string
  readonly clusterDomain: string
  /** TrustedIssuer's name -> the keys that were fetched for it. */
  readonly jwks: ReadonlyMap<string, { readonly keys: readonly JsonWebKeyRow[] }>
}

/** The resources of a snapshot, by kind. */
export function worldOf(resources: readonly Resource[], options: WorldOptions): World {
  const of = <Kind extends Resource['kind']>(kind: Kind): Extract<Resource, { kind: Kind }>[] =>
    resources.filter((row): row is Extract<Resource, { kind: Kind }> => row.kind === kind)
  return {
    ...options,
    namespaces: of('Namespace'),
    serviceAccounts: of('ServiceAccount'),
    services: of('Service'),
    pods: of('Pod'),
    policies: of('AccessPolicy'),
    issuers: of('TrustedIssuer'),
  }
}

/** What clients get of a world. Pure: the same inputs give the same sections. */
export function generationOf(
  { revision, trust }: Snapshot,
  world: World,
  keys: KeysSection,
): { readonly generation: Generation; readonly compiled: Compiled } {
  const compiled = compile(world)
  const forSidecars = { keys, trust: { bundle: trust.bundle } }
  // Pods of one workload share their policy, so it is completed, and hashed, once.
  const completed = new Map<SidecarPolicy, WorkloadPolicy>()
  const complete = (policy: SidecarPolicy): WorkloadPolicy => {
    const done = completed.get(policy) ?? { ...policy, ...forSidecars }
    completed.set(policy, done)
    return done
  }
  const generation: Generation = {
    revision,
    pods: podsOf(world),
    sidecars: new Map([...compiled.sidecars].map(([uid, policy]) => [uid, complete(policy)])),
    authority: { ...compiled.authority, keys, trust },
  }
  return { generation, compiled }
}

/** Who may connect: every pod, with the UID that its service account has today (empty: none). */
function podsOf(world: World): ReadonlyMap<string, PodFacts> {
  const accounts = new Map(
    world.serviceAccounts.map(({ metadata }) => [
      `${metadata.namespace}/${metadata.name}`,
      metadata.uid,
    ]),
  )
  return new Map(
    world.pods.map(({ metadata, spec }) => {
      const { namespace, name, uid } = metadata
      const serviceAccount = spec.serviceAccountName
      const serviceAccountUid = accounts.get(`${namespace}/${serviceAccount}`) ?? ''
      return [uid, { namespace, pod: name, serviceAccount, serviceAccountUid }]
    }),
  )
}

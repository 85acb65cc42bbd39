import type { CustomResource } from '../api/types.ts'
import type { Index } from '../discovery/index.ts'
import type { KeySource } from '../issuers/key-source.ts'
import type { KeysSection } from '../policy/workload-policy.ts'
import { refuse, type Verdict } from '../policy/verdict.ts'
import type { Log } from '../telemetry/log.ts'
import type { IssuerTrust, JsonWebKeyRow } from '../token/claims.ts'
import { generationOf, worldOf, type WorldOptions } from './generation.ts'
import { resourceKey, type Resource, type Snapshot } from './sources/snapshot.ts'

/** What the last round of the loop made of the last snapshot. */
export interface Outcome {
  readonly snapshot: Snapshot
  readonly verdicts: readonly Verdict[]
}

export interface Reconciler {
  /** A newer view; false where it could not be compiled. */
  take(snapshot: Snapshot): boolean
  /** Something beside the source changed, fetched keys say. */
  again(): void
}

/**
 * The one loop: the newest view -> compile -> index. Level-based: it looks at what is, never at what
 * happened, so a round that is missed is made good by the next.
 */
export function createReconciler(options: {
  readonly index: Index
  readonly keySource: KeySource
  readonly keys: () => KeysSection
  readonly domains: Omit<WorldOptions, 'jwks'>
  readonly log: Log
  readonly onOutcome: (outcome: Outcome) => void
  /** How long a round took. */
  readonly onRound: (durationMs: number) => void
}): Reconciler {
  const { index, keySource, log } = options
  let snapshot: Snapshot | undefined
  let trusts: ReadonlyMap<string, IssuerTrust> = new Map()

  const round = (): boolean => {
    if (snapshot === undefined) return false
    const startedAtMs = performance.now()
    try {
      const jwks = fetchedKeys(snapshot.resources)
      const world = worldOf(snapshot.resources, { ...options.domains, jwks })
      const { generation, compiled } = generationOf(snapshot, world, options.keys())
      index.publish(generation)
      trusts = new Map(compiled.authority.issuers.issuers.map((trust) => [trust.name, trust]))
      keySource.track([...trusts.values()])
      options.onOutcome({ snapshot, verdicts: verdictsOf(compiled.verdicts, snapshot) })
      return true
    } catch (err) {
      log.error({ err }, 'the resources cannot be compiled; the last state stays')
      return false
    } finally {
      options.onRound(performance.now() - startedAtMs)
    }
  }
  /** Keys belong to the address that they were fetched from, not to the issuer's name. */
  const fetchedKeys = (resources: readonly Resource[]): WorldOptions['jwks'] => {
    const found = new Map<string, { readonly keys: readonly JsonWebKeyRow[] }>()
    for (const resource of resources) {
      if (resource.kind !== 'TrustedIssuer') continue
      const before = trusts.get(resource.metadata.name)
      if (before?.jwksUri === undefined || before.jwksUri !== resource.spec.keys.jwksUri) continue
      const { jwks } = keySource.withKeys(before)
      if (jwks !== undefined) found.set(before.name, jwks)
    }
    return found
  }

  return {
    take(next) {
      snapshot = next
      return round()
    },
    again() {
      round()
    },
  }
}

/** What the parser refuses is judged by its words: compile saw no more of it than the name. */
function verdictsOf(
  verdicts: readonly Verdict[],
  { resources, server }: Snapshot,
): readonly Verdict[] {
  if (server === undefined || server.refused.size === 0) return verdicts
  const found = new Map(resources.map((one) => [resourceKey(one.kind, one.metadata), one]))
  return verdicts.map((verdict) => {
    const key = resourceKey(verdict.kind, verdict)
    const resource = found.get(key)
    const problems = server.refused.get(key)
    if (problems === undefined || resource === undefined || !isCustom(resource)) return verdict
    const said = problems.map(({ path: field, message, nearest }) => ({
      field,
      message: nearest === undefined ? message : `${message}; did you mean ${nearest}?`,
    }))
    return refuse(resource, 'Invalid', said)
  })
}

function isCustom(resource: Resource): resource is CustomResource {
  return resource.kind === 'AccessPolicy' || resource.kind === 'TrustedIssuer'
}

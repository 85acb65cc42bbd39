import type { Pod } from '../api/core.ts'
import type { IssuerTrust } from '../token/claims.ts'
import type { BoundRule, TargetPort } from './bind.ts'
import { issuerAudiencesOf } from './issuer-audiences.ts'
import { keyOf, targetPortOf } from './selection.ts'
import { compareText, sortedRecord } from './order.ts'
import type { CompiledPublicOperation, PortPolicy, RulesSection } from './workload-policy.ts'

/** The rules of one pod: a key that pods with the same have in common, and the section itself. */
export interface PodRules {
  readonly key: string
  section(): Pick<RulesSection, 'ports' | 'audiences'>
}

/**
 * What a pod accepts, by the number of its own port: a Service's `targetPort` may be a name that each
 * pod resolves for itself, and several Services may lead to one port, where their rules add up.
 */
export function compileRules(
  targets: readonly TargetPort[],
  pod: Pod,
  trusts: ReadonlyMap<string, IssuerTrust>,
): PodRules {
  const resolved = targets.map((target) => ({ target, number: targetPortOf(target.port, pod) }))
  return {
    key: JSON.stringify(resolved.map(({ target, number }) => [target.id, number ?? null])),
    section() {
      const ports = new Map<string, TargetPort[]>()
      for (const { target, number } of resolved) {
        if (number === undefined) continue
        const row = ports.get(`${number}`)
        if (row === undefined) ports.set(`${number}`, [target])
        else row.push(target)
      }
      return {
        ports: sortedRecord([...ports].map(([port, row]) => [port, portPolicyOf(row, trusts)])),
        audiences: [...new Set(targets.map(({ audience }) => audience))].sort(),
      }
    },
  }
}

/** The policy of a port to which these targets lead. */
export function portPolicyOf(
  targets: readonly TargetPort[],
  trusts: ReadonlyMap<string, IssuerTrust>,
): PortPolicy {
  const rules = new Set<BoundRule>(targets.flatMap((target) => target.rules))
  const open = new Set<CompiledPublicOperation>(targets.flatMap((target) => target.public))
  const issuerAudiences = issuerAudiencesOf(
    targets.map(({ service }) => keyOf(service)),
    trusts,
  )
  return {
    rules: [...rules]
      .sort(
        (one, other) =>
          compareText(one.policy, other.policy) ||
          one.index - other.index ||
          compareText(one.inbound.audience, other.inbound.audience),
      )
      .map(({ inbound }) => inbound),
    public: [...open].sort((one, other) => compareText(one.policy ?? '', other.policy ?? '')),
    ...(Object.keys(issuerAudiences).length > 0 ? { issuerAudiences } : {}),
    ...(trusts.size > 0 ? { subjectIssuers: [...trusts.keys()].sort() } : {}),
  }
}

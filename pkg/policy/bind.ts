import type { Service, ServicePort } from '../api/core.ts'
import type { AcceptedPolicy } from './accept-policies.ts'
import type { IssuerTrust } from '../token/claims.ts'
import type { ReadPolicy, ReadRule } from './read-policy.ts'
import { audiencesNaming } from './issuer-audiences.ts'
import { compareText, sortedRecord } from './order.ts'
import { keyOf } from './selection.ts'
import { identityOf, type AccountUids, type World } from './world.ts'
import type {
  CompiledPublicOperation,
  Edge,
  InboundRule,
  IssuerCaller,
  OutboundRule,
  RuleTerms,
} from './workload-policy.ts'

/** One rule at one target, in the three forms in which it is used. */
export interface BoundRule {
  readonly policy: string
  /** Its place in the policy. */
  readonly index: number
  /** `spec.rules[index]`. */
  readonly field: string
  /** The field of each row of `operations`; the rule's own where it has none. */
  readonly operationFields: readonly string[]
  readonly inbound: InboundRule
  readonly outbound: OutboundRule
  readonly edges: readonly Edge[]
}

/** One port of one Service that an accepted policy targets. */
export interface TargetPort {
  /** `namespace/service:port`. */
  readonly id: string
  readonly service: Service
  readonly port: ServicePort
  readonly audience: string
  /** In the order of policies, then as written. */
  readonly rules: readonly BoundRule[]
  readonly public: readonly CompiledPublicOperation[]
}

export interface Binding {
  readonly world: World
  readonly accounts: AccountUids
  /** Accepted issuers by name. */
  readonly trusts: ReadonlyMap<string, IssuerTrust>
}

const maxActors = 4
const needs: readonly string[] = []

/** The audience of a Service. */
function audienceOf(service: Service, clusterDomain: string): string {
  const { name, namespace } = service.metadata
  return `http://${name}.${namespace}.svc.${clusterDomain}`
}

/** Everything that accepted policies say, by target port id. */
export function bindPolicies(
  accepted: readonly AcceptedPolicy[],
  binding: Binding,
): Map<string, TargetPort> {
  const targets = new Map<
    string,
    { rules: BoundRule[]; public: CompiledPublicOperation[] } & TargetPort
  >()
  for (const { policy, targets: chosen } of accepted) {
    const open = policy.public.map((row) => ({ ...row, policy: policy.policy }))
    for (const [service, ports] of chosen) {
      const audience = audienceOf(service, binding.world.clusterDomain)
      const rules = policy.rules.map((rule, index) =>
        bindRule({ policy, rule, index }, { service, audience }, binding),
      )
      for (const port of ports) {
        const id = `${keyOf(service)}:${port.port}`
        const target = targets.get(id) ?? { id, service, port, audience, rules: [], public: [] }
        target.rules.push(...rules)
        target.public.push(...open)
        targets.set(id, target)
      }
    }
  }
  return new Map([...targets].sort(([one], [other]) => compareText(one, other)))
}

function bindRule(
  { policy, rule, index }: { policy: ReadPolicy; rule: ReadRule; index: number },
  { service, audience }: { service: Service; audience: string },
  binding: Binding,
): BoundRule {
  const { field, scopes, delegation, lifetimeSeconds } = rule
  const subjectIssuers =
    rule.subjectIssuers === undefined ? {} : { subjectIssuers: rule.subjectIssuers }
  const names = { policy: policy.policy, rule: rule.rule, needs, delegation, ...subjectIssuers }
  const terms: RuleTerms = { ...names, operations: rule.operations }
  const callers = callersOf(rule, binding)
  const { subjectScopes } = rule
  return {
    policy: policy.policy,
    index,
    field,
    operationFields: rule.operationFields,
    inbound: {
      ...terms,
      audience,
      callers,
      ...(subjectScopes.length === 0 ? {} : { subjectScopes }),
      maxActors,
      issuers: issuerCallersOf(rule, keyOf(service), binding.trusts),
    },
    outbound: { ...terms, scopes },
    edges: Object.entries(callers).map(([client, clientUid]) => {
      return {
        ...names,
        client,
        clientUid,
        audience,
        scopes,
        subjectScopes,
        lifetimeSeconds,
        maxActors,
      }
    }),
  }
}

/** Accounts that do not exist (yet) are left out: an edge holds the UID, not the name alone. */
function callersOf(rule: ReadRule, { world, accounts }: Binding): Record<string, string> {
  return sortedRecord(
    rule.serviceAccounts.flatMap(({ namespace, name }) => {
      const uid = accounts.get(`${namespace}/${name}`)
      if (uid === undefined) return []
      return [[identityOf(world.trustDomain, namespace, name), uid] as const]
    }),
  )
}

function issuerCallersOf(
  rule: ReadRule,
  service: string,
  trusts: ReadonlyMap<string, IssuerTrust>,
): IssuerCaller[] {
  return rule.issuers.flatMap(({ name, clients, subjects }) => {
    const trust = trusts.get(name)
    const audiences = trust === undefined ? [] : audiencesNaming(trust, [service])
    if (trust === undefined || audiences.length === 0) return []
    const { subjectPrefix } = trust
    return {
      name,
      subjectPrefix,
      audiences,
      ...(clients === undefined ? {} : { clients }),
      ...(subjects === undefined ? {} : { subjects }),
    }
  })
}

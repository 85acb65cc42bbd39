import type { Pod } from '../api/core.ts'
import type { IssuerTrust } from '../token/claims.ts'
import { acceptIssuers } from './accept-issuers.ts'
import { acceptPolicies } from './accept-policies.ts'
import { bindPolicies, type TargetPort } from './bind.ts'
import { compileRoutes, type CallerRoutes } from './compile-routes.ts'
import { compileRules } from './compile-rules.ts'
import { issuerAudiencesOf } from './issuer-audiences.ts'
import { compareText, inOrder, sortedRecord } from './order.ts'
import { createSelection, keyOf, type Selection } from './selection.ts'
import type { Verdict } from './verdict.ts'
import { identityOf, type AccountUids, type World } from './world.ts'
import type { AuthorityPolicy, AuthorityWorkload, Edge, WorkloadPolicy } from './workload-policy.ts'

/** What a sidecar gets of the world; keys and trust are the controller's to add. */
export type SidecarPolicy = Omit<WorkloadPolicy, 'keys' | 'trust'>

export interface Compiled {
  /** Pod UID -> its sections; pods of one workload share them. */
  readonly sidecars: ReadonlyMap<string, SidecarPolicy>
  readonly authority: Omit<AuthorityPolicy, 'keys' | 'trust'>
  readonly verdicts: readonly Verdict[]
  /** Every port that an accepted policy targets, by `namespace/service:port`. */
  readonly targets: ReadonlyMap<string, TargetPort>
}

/**
 * What a world of resources means. The same world in another order gives the same bytes; a resource
 * that is not wholly understood allows nothing and leaves no trace but its verdict; a pod that no
 * policy targets has a policy with no ports, which refuses everything.
 */
export function compile(world: World): Compiled {
  const issuers = acceptIssuers(world)
  const selection = createSelection(world)
  const accounts: AccountUids = new Map(
    inOrder(world.serviceAccounts)
      .filter(({ metadata }) => metadata.uid !== '')
      .map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.uid]),
  )
  const policies = acceptPolicies(world.policies, { selection, issuers, accounts })
  const trusts = new Map(issuers.trusts.map((trust) => [trust.name, trust]))
  const targets = bindPolicies(policies.accepted, { world, accounts, trusts })
  const routes = compileRoutes(targets, selection, world.clusterDomain)
  const workloads = createWorkloads({ world, selection, accounts, targets, routes, trusts })
  return {
    sidecars: new Map(selection.pods.map((pod) => [pod.metadata.uid, workloads.sidecar(pod)])),
    authority: {
      edges: {
        edges: edgesOf(targets),
        audiences: [...new Set([...targets.values()].map(({ audience }) => audience))].sort(),
      },
      workloads: sortedRecord(selection.pods.flatMap((pod) => workloads.forAuthority(pod))),
      issuers: { issuers: issuers.trusts },
    },
    verdicts: [...policies.verdicts, ...issuers.verdicts],
    targets,
  }
}

interface Parts {
  readonly world: World
  readonly selection: Selection
  readonly accounts: AccountUids
  readonly targets: ReadonlyMap<string, TargetPort>
  readonly routes: ReadonlyMap<string, CallerRoutes>
  readonly trusts: ReadonlyMap<string, IssuerTrust>
}

const noRoutes: CallerRoutes = { routes: { routes: [] }, addresses: {} }

function createWorkloads({ world, selection, accounts, targets, routes, trusts }: Parts) {
  const shared = new Map<string, SidecarPolicy>()
  const byService = Map.groupBy(targets.values(), ({ service }) => service)

  const describe = (pod: Pod) => {
    const { namespace } = pod.metadata
    const account = pod.spec.serviceAccountName
    const services = selection.servicesOf(pod)
    return {
      identity: identityOf(world.trustDomain, namespace, account),
      uid: accounts.get(`${namespace}/${account}`),
      services: services.map(keyOf),
      targets: services.flatMap((service) => byService.get(service) ?? []),
    }
  }

  return {
    sidecar(pod: Pod): SidecarPolicy {
      const { identity, uid, services, targets: own } = describe(pod)
      const rules = compileRules(own, pod, trusts)
      const key = JSON.stringify([identity, uid, services, rules.key])
      const known = shared.get(key)
      if (known !== undefined) return known
      const caller = routes.get(identity) ?? noRoutes
      const policy: SidecarPolicy = {
        rules: { ...rules.section(), issuerAudiences: issuerAudiencesOf(services, trusts) },
        ...caller,
        issuers: { issuers: [...trusts.values()].flatMap((trust) => restrict(trust, services)) },
      }
      shared.set(key, policy)
      return policy
    },

    /** A pod whose ServiceAccount is gone is nobody to the authority. */
    forAuthority(pod: Pod): (readonly [string, AuthorityWorkload])[] {
      const { identity, uid, services, targets: own } = describe(pod)
      if (uid === undefined) return []
      const { namespace, name } = pod.metadata
      const workload: AuthorityWorkload = {
        identity,
        namespace,
        pod: name,
        serviceAccount: pod.spec.serviceAccountName,
        serviceAccountUid: uid,
        audiences: [...new Set(own.map(({ audience }) => audience))].sort(),
        issuerAudiences: issuerAudiencesOf(services, trusts),
      }
      return [[pod.metadata.uid, workload]]
    },
  }
}

/** What a workload needs to know of an issuer: nothing unless one of its Services is named. */
function restrict(trust: IssuerTrust, services: readonly string[]): IssuerTrust[] {
  const audiences = Object.entries(trust.audiences)
    .map(
      ([audience, named]) => [audience, named.filter((name) => services.includes(name))] as const,
    )
    .filter(([, named]) => named.length > 0)
  return audiences.length === 0 ? [] : [{ ...trust, audiences: Object.fromEntries(audiences) }]
}

function edgesOf(targets: ReadonlyMap<string, TargetPort>): Edge[] {
  const rules = new Set([...targets.values()].flatMap((target) => target.rules))
  return [...rules]
    .flatMap((rule) => rule.edges)
    .sort(
      (one, other) =>
        compareText(one.client, other.client) ||
        compareText(one.audience, other.audience) ||
        compareText(one.policy, other.policy) ||
        compareText(one.rule, other.rule),
    )
}

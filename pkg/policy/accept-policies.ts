import type { Service, ServicePort } from '../api/core.ts'
import type { AccessPolicy } from '../api/types.ts'
import type { AcceptedIssuers } from './accept-issuers.ts'
import { audiencesNaming } from './issuer-audiences.ts'
import { inOrder } from './order.ts'
import type { Problem } from './problem.ts'
import { readPolicy, type ReadPolicy } from './read-policy.ts'
import { hasSelector, keyOf, type Selection } from './selection.ts'
import { clip, refuse, verdict, type Verdict } from './verdict.ts'
import { addedBytes, namespaceBytes } from './weight.ts'
import type { AccountUids } from './world.ts'

/** A policy that counts, and the ports that it targets. */
export interface AcceptedPolicy {
  readonly policy: ReadPolicy
  readonly targets: ReadonlyMap<Service, readonly ServicePort[]>
}

/** Facts about other resources that a policy is judged by. */
export interface Surroundings {
  readonly selection: Selection
  readonly issuers: AcceptedIssuers
  readonly accounts: AccountUids
}

/** Which policies count, in order, and what is said about every one. */
export function acceptPolicies(
  resources: readonly AccessPolicy[],
  surroundings: Surroundings,
): { readonly accepted: readonly AcceptedPolicy[]; readonly verdicts: readonly Verdict[] } {
  const accepted: AcceptedPolicy[] = []
  const verdicts: Verdict[] = []
  const bytes = new Map<string, number>()
  for (const resource of inOrder(resources)) {
    const { policy, problems } = readPolicy(resource, surroundings.issuers)
    if (policy === undefined) {
      verdicts.push(refuse(resource, 'Invalid', problems))
      continue
    }
    const found = findTargets(policy, surroundings.selection)
    if ('reason' in found) {
      verdicts.push(refuse(resource, found.reason, [found.problem]))
      continue
    }
    const candidate = { policy, targets: found.targets }
    const total = (bytes.get(policy.namespace) ?? 0) + addedBytes(policy, found.targets)
    if (total > namespaceBytes) {
      const message = `the policies of namespace ${policy.namespace} are too large together with this one: name fewer ports, or write fewer operations`
      verdicts.push(refuse(resource, 'Invalid', [{ field: 'spec', message }]))
      continue
    }
    bytes.set(policy.namespace, total)
    accepted.push(candidate)
    verdicts.push(approve(resource, candidate, surroundings))
  }
  return { accepted, verdicts }
}

type Found =
  | { readonly targets: ReadonlyMap<Service, readonly ServicePort[]> }
  | { readonly reason: 'TargetNotFound' | 'NoSelector'; readonly problem: Problem }

function findTargets(policy: ReadPolicy, selection: Selection): Found {
  const targets = new Map<Service, readonly ServicePort[]>()
  for (const { field, service: name, portName } of policy.targets) {
    const key = `${policy.namespace}/${name}`
    const service = selection.service(key)
    if (service === undefined) {
      const message = `there is no Service ${key}`
      return { reason: 'TargetNotFound', problem: { field: `${field}.name`, message } }
    }
    if (!hasSelector(service)) {
      const message = `Service ${key} has no selector, so nobody knows its pods`
      return { reason: 'NoSelector', problem: { field: `${field}.name`, message } }
    }
    const ports = service.spec.ports.filter((port) => (portName ?? port.name) === port.name)
    if (portName !== undefined && ports.length === 0) {
      const message = `Service ${key} has no port named "${portName}"`
      return { reason: 'TargetNotFound', problem: { field: `${field}.sectionName`, message } }
    }
    targets.set(service, [...new Set([...(targets.get(service) ?? []), ...ports])])
  }
  return { targets }
}

function approve(
  resource: AccessPolicy,
  accepted: AcceptedPolicy,
  surroundings: Surroundings,
): Verdict {
  const { policy, targets } = accepted
  const selected = [...targets.keys()].flatMap((service) => surroundings.selection.podsOf(service))
  const pods = [...new Set(selected.map((pod) => pod.metadata.uid))].sort()
  const remarks = remarksOn(accepted, surroundings)
  const services = [...targets.keys()].map(keyOf).join(', ')
  const count = policy.rules.length === 1 ? '1 rule' : `${policy.rules.length} rules`
  const message = clip([`${count} for ${services}`, ...remarks].join('; '))
  const more =
    pods.length > 0
      ? []
      : [
          {
            type: 'Programmed' as const,
            status: 'False' as const,
            reason: 'NoWorkloads' as const,
            message: 'no pod is selected by its targets',
          },
        ]
  return verdict(resource, { status: 'True', reason: 'Accepted', message }, { pods, more })
}

/** What is understood and yet lets nobody in. */
function remarksOn({ policy, targets }: AcceptedPolicy, surroundings: Surroundings): string[] {
  const { accounts, issuers } = surroundings
  const remarks = new Set<string>()
  for (const { field, serviceAccounts, issuers: callers } of policy.rules) {
    for (const { namespace, name } of serviceAccounts) {
      if (accounts.has(`${namespace}/${name}`)) continue
      remarks.add(`${field}: there is no ServiceAccount ${namespace}/${name}, so it calls nothing`)
    }
    for (const { name } of callers) {
      const trust = issuers.trusts.find((issuer) => issuer.name === name)
      if (trust === undefined) {
        remarks.add(`${field}: TrustedIssuer ${name} is not accepted, so nobody comes from it`)
        continue
      }
      for (const service of targets.keys()) {
        const key = keyOf(service)
        if (audiencesNaming(trust, [key]).length > 0) continue
        remarks.add(`${field}: TrustedIssuer ${name} has no audience for Service ${key}`)
      }
    }
  }
  return [...remarks]
}

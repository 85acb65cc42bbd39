import type { Service, ServicePort } from '../api/core.ts'
import type { ReadPolicy } from './read-policy.ts'

/**
 * What the policies of one namespace may amount to. Whoever writes there names the callers, and what the
 * rules say goes to each caller's sidecar and to the authority: without a bound, one namespace could make
 * the sections of another one's workloads too large to be sent, and no change would reach them any more.
 */
export const namespaceBytes = 2 * 1024 * 1024

/** Names and addresses of one port. */
const portBytes = 600
/** One edge without its scopes. */
const edgeBytes = 400

/** About how many bytes a policy adds, at most, to the sections of one sidecar or of the authority. */
export function addedBytes(
  policy: ReadPolicy,
  targets: ReadonlyMap<Service, readonly ServicePort[]>,
): number {
  const ports = [...targets.values()].reduce((sum, { length }) => sum + length, 0)
  const rowsBytes = JSON.stringify([policy.rules, policy.public]).length
  const edges = policy.rules.reduce(
    (sum, rule) =>
      sum + rule.serviceAccounts.length * (edgeBytes + JSON.stringify(rule.scopes).length),
    0,
  )
  return ports * (portBytes + rowsBytes) + targets.size * edges
}

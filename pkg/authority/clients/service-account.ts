import { createBoundedMap } from '../../cache/bounded-map.ts'
import { Refusal } from '../../refusal/refusal.ts'
import { verifyServiceAccount, type ServiceAccountFacts } from '../../token/service-account.ts'
import { tokenHash } from '../../token/verify.ts'
import type { Policy, PolicyState } from '../policy-state.ts'
import type { Client, ClientMethod } from './client.ts'

/** What a pod's projected token must be for, and for nothing else. */
const audience = 'tokenward:authority'
const maxAssertions = 20_000

interface Verified {
  readonly facts: ServiceAccountFacts
  /** The keys that it was verified by; others mean verifying again. */
  readonly keys: object
}

/**
 * Workloads authenticate with the projected token of their service account as a client assertion
 * (RFC 7523 2.2). The cluster's keys sign it, so one assertion serves until it ends; that its pod and
 * its account still are what it says is looked up at each request.
 */
export function createServiceAccountMethod(options: {
  readonly isGone: PolicyState['isGone']
}): ClientMethod {
  const known = createBoundedMap<Verified>({ maxEntries: maxAssertions })

  const verify = (assertion: string, policy: Policy, nowSeconds: number): ServiceAccountFacts => {
    const issuer = policy.serviceAccounts
    if (issuer === undefined) throw new Refusal('keys_unavailable', { retryAfterSeconds: 1 })
    const key = tokenHash(assertion)
    const before = known.get(key)
    if (before?.keys === issuer.keys && nowSeconds < before.facts.expiresAtSeconds) {
      return before.facts
    }
    const facts = verifyServiceAccount(assertion, { ...issuer, audience, nowSeconds })
    known.set(key, { facts, keys: issuer.keys })
    return facts
  }

  return {
    isKnown: (assertion) => known.get(tokenHash(assertion)) !== undefined,
    authenticate(assertion, { policy, nowSeconds }): Client {
      const facts = verify(assertion, policy, nowSeconds)
      const workload = policy.workload(facts.podUid)
      if (workload === undefined) {
        if (options.isGone(facts, nowSeconds)) throw new Refusal('client_unknown')
        // The pod may be newer than this replica's view.
        throw new Refusal('behind', { retryAfterSeconds: 1 })
      }
      if (
        workload.namespace !== facts.namespace ||
        workload.pod !== facts.pod ||
        workload.serviceAccount !== facts.serviceAccount ||
        workload.serviceAccountUid !== facts.serviceAccountUid
      ) {
        throw new Refusal('client_unknown')
      }
      return { identity: workload.identity, uid: workload.serviceAccountUid, workload }
    },
  }
}

import { judgesPath } from '../policy/match.ts'
import type { PortPolicy, WorkloadPolicy } from '../policy/workload-policy.ts'
import { Refusal } from '../refusal/refusal.ts'
import { createTokenCache, type TokenCache } from '../token/cache.ts'
import type { Bearer } from '../token/claims.ts'
import { createVerifier } from '../token/verify.ts'
import { createRouteTable, type RouteTable } from './routes.ts'

/** The policy of a port, ready to be judged by. */
export interface Port {
  readonly policy: PortPolicy
  /** Whether a path rule could judge: then an ambiguous path is refused. */
  readonly judgesPath: boolean
}

/** All that one request is judged by; never changed, only swapped. */
export interface Policy {
  readonly sections: WorkloadPolicy
  readonly ports: ReadonlyMap<number, Port>
  readonly routes: RouteTable
  /** Cached for as long as keys and trust stay. Throws Refusal `token_*`, `keys_unavailable`. */
  verify(token: string, nowSeconds: number): Bearer
  /** Whether a verified token is for this workload. */
  isForUs(bearer: Bearer): boolean
  /** As `isForUs` for what a token only claims. */
  claimsToBeForUs(claimed: { readonly iss: string; readonly aud: readonly string[] }): boolean
}

export interface PolicyState {
  /** Swaps the policy; throws, and keeps the last, where the sections cannot be used. */
  apply(sections: WorkloadPolicy): void
  current(): Policy | undefined
  /** The policy to judge by. Throws Refusal `no_policy_yet`, `policy_stale`. */
  judging(): Policy
  /** Age of the controller's view, and with it of every address. */
  ageMs(): number
  /** Entries and bytes of the verified tokens. */
  verified(): { readonly size: number; readonly bytes: number }
}

const verifiedBytes = 16 * 1024 * 1024

/** A state that has no policy yet; its cache of verified tokens outlives what leaves keys and trust alone. */
export function createPolicyState(options: {
  /** Age of the controller's view. */
  readonly ageMs: () => number
  readonly maxAgeMs: number
}): PolicyState {
  const { ageMs, maxAgeMs } = options
  let policy: Policy | undefined
  let tokens: TokenCache | undefined
  let trusted = ''

  return {
    apply(sections) {
      const { keys, issuers } = sections
      const trust = JSON.stringify([keys, issuers])
      let next = tokens
      if (next === undefined || trust !== trusted) {
        const verifier = createVerifier({ authority: keys, issuers: issuers.issuers })
        next = createTokenCache({ verifier, maxBytes: verifiedBytes })
      }
      policy = prepare(sections, next)
      tokens = next
      trusted = trust
    },
    current: () => policy,
    judging() {
      if (policy === undefined) throw new Refusal('no_policy_yet', { retryAfterSeconds: 1 })
      if (ageMs() > maxAgeMs) throw new Refusal('policy_stale', { retryAfterSeconds: 10 })
      return policy
    },
    ageMs,
    verified: () => ({ size: tokens?.size ?? 0, bytes: tokens?.bytes ?? 0 }),
  }
}

function prepare(sections: WorkloadPolicy, tokens: TokenCache): Policy {
  const { rules, keys, issuers } = sections
  const ports = new Map<number, Port>()
  for (const [number, policy] of Object.entries(rules.ports)) {
    ports.set(Number(number), { policy, judgesPath: judgesPath(policy) })
  }
  const ours = new Set(rules.audiences)
  const byName = new Map(
    Object.entries(rules.issuerAudiences).map(([name, audiences]) => [name, new Set(audiences)]),
  )
  const byIssuer = new Map(
    issuers.issuers.map(({ issuer, name }) => [issuer, byName.get(name) ?? new Set<string>()]),
  )
  byIssuer.set(keys.issuer, ours)
  const shares = (known: ReadonlySet<string> | undefined, audiences: readonly string[]): boolean =>
    known !== undefined && audiences.some((audience) => known.has(audience))
  return {
    sections,
    ports,
    routes: createRouteTable(sections.routes.routes, sections.addresses),
    verify: (token, nowSeconds) => tokens.verify(token, nowSeconds),
    isForUs: ({ origin, issuerName, audiences }) =>
      shares(origin === 'authority' ? ours : byName.get(issuerName), audiences),
    claimsToBeForUs: ({ iss, aud }) => shares(byIssuer.get(iss), aud),
  }
}

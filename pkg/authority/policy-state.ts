import { createBoundedMap } from '../cache/bounded-map.ts'
import type {
  AuthorityPolicy,
  AuthorityWorkload,
  Edge,
  TrustSection,
} from '../policy/workload-policy.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Bearer, IssuerTrust } from '../token/claims.ts'
import type { SigningKey } from '../token/keys.ts'
import { thumbprint } from '../token/thumbprint.ts'
import { createVerifier, type Verifier } from '../token/verify.ts'

/** Everything that one request is judged by; swapped whole, never changed. */
export interface Policy {
  readonly issuer: string
  readonly serviceAccounts: TrustSection['serviceAccounts']
  readonly keys: AuthorityPolicy['keys']['keys']
  /** Whether every sidecar has been told of the public part of this key. */
  isPublished(key: SigningKey): boolean
  /** Whether it is anybody's audience, allowed for the client or not. */
  isAudience(audience: string): boolean
  /** Whether a TrustedIssuer of this name is there. */
  trusts(issuerName: string): boolean
  workload(podUid: string): AuthorityWorkload | undefined
  /** Edges of this very client (identity and UID) to one audience. */
  edges(
    client: { readonly identity: string; readonly uid: string },
    audience: string,
  ): readonly Edge[]
  /** Throws Refusal `token_*`, `keys_unavailable`. */
  verify(token: string, nowSeconds: number): Bearer
  /** Notes a token that was signed here, with a key that is published: most come back at the next hop. */
  noteSigned(token: string): void
}

export interface PolicyState {
  /** Throws, and keeps the last, where the sections cannot be used. */
  apply(sections: AuthorityPolicy): void
  /** Keys of issuers changed: verify by the newest. */
  refresh(): void
  /** The policy to judge by. Throws Refusal `no_policy_yet`, `policy_stale`. */
  judging(): Policy
  /** The policy, however old it is. */
  current(): Policy | undefined
  /** Whether the policy is older than its bound. */
  isStale(): boolean
  /**
   * Whether a pod that is not in the section is gone, and not just newer than this view: it was there
   * once, or its token was issued (to a pod that existed then) well before the time of the view.
   */
  isGone(
    pod: { readonly podUid: string; readonly issuedAtSeconds: number },
    nowSeconds: number,
  ): boolean
}

/** Whose signature is known: verified here, or made here. Each costs its hash, 0.1 KiB. */
const rememberedTokens = 100_000
const rememberedPods = 50_000
/** Clocks of API server and controller differ, and a view takes a moment to be made. */
const viewMarginSeconds = 60

/** A state that has no policy yet; what it knows of signatures outlives what leaves keys and trust alone. */
export function createPolicyState(options: {
  /** Issuer identifier of this authority; sections of another one are not for it. */
  readonly issuer: string
  /** Age of the controller's view. */
  readonly ageMs: () => number
  readonly maxAgeMs: number
  /** The trust with the newest keys that the authority fetched for itself. */
  readonly withKeys: (trust: IssuerTrust) => IssuerTrust
}): PolicyState {
  const { issuer, ageMs, maxAgeMs, withKeys } = options
  // A pod that leaves the section is gone for good: UIDs are not used twice.
  const gone = createBoundedMap<number>({ maxEntries: rememberedPods })
  const isStale = (): boolean => ageMs() > maxAgeMs
  let sections: AuthorityPolicy | undefined
  let policy: Policy | undefined
  let verifier: Verifier | undefined
  let trusted = ''

  const prepare = (next: AuthorityPolicy): Policy => {
    const { keys, edges, workloads, trust } = next
    const issuers = next.issuers.issuers.map(withKeys)
    const trustNow = JSON.stringify([keys, issuers])
    const verifying =
      verifier !== undefined && trustNow === trusted
        ? verifier
        : createVerifier({ authority: keys, issuers, rememberSignatures: rememberedTokens })
    verifier = verifying
    trusted = trustNow
    const byClient = new Map<string, Edge[]>()
    for (const edge of edges.edges) {
      const key = edgeKey(edge.client, edge.clientUid, edge.audience)
      const known = byClient.get(key)
      if (known === undefined) byClient.set(key, [edge])
      else known.push(edge)
    }
    const pods = new Map(Object.entries(workloads))
    const audiences = new Set(edges.audiences)
    const issuerNames = new Set(issuers.map(({ name }) => name))
    const published = new Map(keys.keys.map((jwk) => [jwk['kid'], thumbprint(jwk)]))
    return {
      issuer: keys.issuer,
      serviceAccounts: trust.serviceAccounts,
      keys: keys.keys,
      isPublished: (key) => published.get(key.kid) === key.thumbprint,
      isAudience: (audience) => audiences.has(audience),
      trusts: (issuerName) => issuerNames.has(issuerName),
      workload: (podUid) => pods.get(podUid),
      edges: ({ identity, uid }, audience) => byClient.get(edgeKey(identity, uid, audience)) ?? [],
      verify: (token, nowSeconds) => verifying.verify(token, nowSeconds),
      noteSigned: (token) => verifying.noteSigned(token),
    }
  }

  return {
    apply(next) {
      if (next.keys.issuer !== issuer) {
        throw new Error(
          `the controller serves the policy of the authority ${next.keys.issuer}, but this one is ` +
            `${issuer}: its --authority-issuer and --issuer here must be the same`,
        )
      }
      policy = prepare(next)
      for (const podUid of Object.keys(sections?.workloads ?? {})) {
        if (!Object.hasOwn(next.workloads, podUid)) gone.set(podUid, 1)
      }
      sections = next
    },
    refresh() {
      if (sections !== undefined) policy = prepare(sections)
    },
    judging() {
      if (policy === undefined) throw new Refusal('no_policy_yet', { retryAfterSeconds: 1 })
      if (isStale()) throw new Refusal('policy_stale', { retryAfterSeconds: 10 })
      return policy
    },
    current: () => policy,
    isStale,
    isGone({ podUid, issuedAtSeconds }, nowSeconds) {
      if (gone.get(podUid) !== undefined) return true
      return issuedAtSeconds + viewMarginSeconds < nowSeconds - ageMs() / 1000
    },
  }
}

function edgeKey(identity: string, uid: string, audience: string): string {
  return `${identity} ${uid} ${audience}`
}

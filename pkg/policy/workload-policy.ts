/**
 * What `compile` makes, as plain JSON: the sections of the discovery stream (architecture.md, "The
 * discovery stream"). Sidecar and authority act on these and on nothing else.
 */
import type { IssuerTrust, JsonWebKeyRow } from '../token/claims.ts'

export type Delegation = 'Required' | 'Allowed' | 'Forbidden'

/** A path template cut at its slashes, the leading one aside; `{x}` is null, `**` ends the list. */
export type Template = readonly (string | null)[]

/** One row of a rule: who may do it is the rule's, what it needs is its own. */
export interface CompiledOperation {
  /** Upper case; absent: every method. */
  readonly methods?: readonly string[]
  /** Absent: every path. */
  readonly paths?: readonly { readonly text: string; readonly segments: Template }[]
  /** All of these must be in the token. */
  readonly scopes: readonly string[]
}

/** An operation that needs no token. */
export interface CompiledPublicOperation extends CompiledOperation {
  /** `namespace/name` of the AccessPolicy. */
  readonly policy?: string
}

/** What the rule asks of a request and of its subject, the same for caller, target and authority. */
export interface RuleTerms {
  /** `namespace/name` of the AccessPolicy. */
  readonly policy: string
  readonly rule: string
  /** Features that a reader must know; one that it does not know: the rule never matches. */
  readonly needs: readonly string[]
  readonly delegation: Delegation
  /** Names of TrustedIssuers; absent: any that is trusted. */
  readonly subjectIssuers?: readonly string[]
  /** At least one: a rule without operations has one row for every operation. */
  readonly operations: readonly CompiledOperation[]
}

/** A rule as the target's sidecar judges it. */
export interface InboundRule extends RuleTerms {
  /** Audience of the target. */
  readonly audience: string
  /** Workload identity -> UID of its ServiceAccount. Callers with a token of ours. */
  readonly callers: Readonly<Record<string, string>>
  /** All of these must have been in the subject's own token; absent: none. */
  readonly subjectScopes?: readonly string[]
  /** Longest chain of actors, the caller included. */
  readonly maxActors: number
  /** Callers with a token of a TrustedIssuer, of one of these audiences. */
  readonly issuers: readonly IssuerCaller[]
}

export interface IssuerCaller {
  /** Name of the TrustedIssuer. */
  readonly name: string
  /** What comes before its subjects in `sub`. */
  readonly subjectPrefix: string
  /** Its audiences that name this target's Service. */
  readonly audiences: readonly string[]
  /** Patterns of `azp` or `client_id`; absent: any. */
  readonly clients?: readonly string[]
  /** Patterns of the unprefixed subject; absent: any. */
  readonly subjects?: readonly string[]
}

export interface PortPolicy {
  readonly rules: readonly InboundRule[]
  readonly public: readonly CompiledPublicOperation[]
  /** TrustedIssuer's name -> its audiences that name a Service of this port. */
  readonly issuerAudiences?: Readonly<Record<string, readonly string[]>>
  /**
   * Names of the TrustedIssuers of today: a token of ours for a user of another one is refused, because
   * its issuer is trusted no more. Absent: none.
   */
  readonly subjectIssuers?: readonly string[]
}

export interface RulesSection {
  /** Target port (the pod's port number, as text) -> what is accepted there. */
  readonly ports: Readonly<Record<string, PortPolicy>>
  /** Audiences of this workload's targets: a token of ours with one of these is evidence of the subject. */
  readonly audiences: readonly string[]
  /** TrustedIssuer's name -> its audiences that name a Service of this workload. */
  readonly issuerAudiences: Readonly<Record<string, readonly string[]>>
}

/** A rule as the caller's sidecar uses it. */
export interface OutboundRule extends RuleTerms {
  readonly scopes: readonly string[]
}

/** One port of one target that this workload may call. */
export interface Route {
  /** `namespace/service:port`. */
  readonly id: string
  readonly namespace: string
  readonly service: string
  readonly portName: string
  readonly port: number
  /** Names that lead to it, lower case, without port: short, `.namespace`, `.svc`, full. */
  readonly hosts: readonly string[]
  readonly audience: string
  readonly rules: readonly OutboundRule[]
  readonly public: readonly CompiledPublicOperation[]
}

export interface RoutesSection {
  readonly routes: readonly Route[]
}

/** Route id -> where its pods listen, and the Service's own addresses. A delta names changed routes. */
export type AddressesSection = Readonly<Record<string, RouteAddresses>>

export interface RouteAddresses {
  readonly clusterIPs: readonly string[]
  readonly endpoints: readonly { readonly address: string; readonly port: number }[]
}

export interface KeysSection {
  /** The authority's issuer identifier (RFC 8414 2). */
  readonly issuer: string
  readonly keys: readonly JsonWebKeyRow[]
}

export interface IssuersSection {
  readonly issuers: readonly IssuerTrust[]
}

export interface TrustSection {
  /** PEM: roots of the control plane. */
  readonly bundle: string
  /** For the authority: who signs service-account tokens. */
  readonly serviceAccounts?: {
    readonly issuer: string
    readonly keys: readonly JsonWebKeyRow[]
  }
}

/** One rule, one caller, one target: what the authority may issue. */
export interface Edge {
  readonly policy: string
  readonly rule: string
  readonly needs: readonly string[]
  /** Workload identity, and the UID of its ServiceAccount. */
  readonly client: string
  readonly clientUid: string
  readonly audience: string
  readonly scopes: readonly string[]
  readonly delegation: Delegation
  readonly subjectIssuers?: readonly string[]
  /** All of these must be in the subject's own token. */
  readonly subjectScopes: readonly string[]
  readonly lifetimeSeconds: number
  readonly maxActors: number
}

export interface EdgesSection {
  readonly edges: readonly Edge[]
  /** Every audience that is known, so that "unknown target" and "no edge" can be told apart in logs. */
  readonly audiences: readonly string[]
}

/** Pod UID -> the workload it belongs to. */
export type WorkloadsSection = Readonly<Record<string, AuthorityWorkload>>

export interface AuthorityWorkload {
  readonly identity: string
  readonly namespace: string
  readonly pod: string
  readonly serviceAccount: string
  readonly serviceAccountUid: string
  /** Audiences of its targets. */
  readonly audiences: readonly string[]
  /** TrustedIssuer's name -> audiences that it may present as a subject. */
  readonly issuerAudiences: Readonly<Record<string, readonly string[]>>
}

/** All of a sidecar. */
export interface WorkloadPolicy {
  readonly rules: RulesSection
  readonly routes: RoutesSection
  readonly addresses: AddressesSection
  readonly keys: KeysSection
  readonly issuers: IssuersSection
  readonly trust: TrustSection
}

/** All of an authority. */
export interface AuthorityPolicy {
  readonly edges: EdgesSection
  readonly workloads: WorkloadsSection
  readonly issuers: IssuersSection
  readonly keys: KeysSection
  readonly trust: TrustSection
}

/** The custom resources of tokenward.dev/v1alpha1. Generated from crds/ by `make generate`. */
import type { ObjectMeta } from './core.ts'

export interface AccessPolicy {
  readonly apiVersion: 'tokenward.dev/v1alpha1'
  readonly kind: 'AccessPolicy'
  readonly metadata: ObjectMeta
  readonly spec: AccessPolicySpec
}

export interface AccessPolicySpec {
  /** Services of this namespace, 1..16. */
  readonly targetRefs: readonly TargetRef[]
  /** 0..32, an edge each; allow only, any match allows. */
  readonly rules?: readonly Rule[]
  /** 0..16, reachable with no token at all. */
  readonly public?: readonly PublicOperation[]
}

export interface TargetRef {
  readonly group: ''
  readonly kind: 'Service'
  readonly name: string
  /** One port by name; omitted: all its ports. */
  readonly sectionName?: string
}

export type Delegation = 'Required' | 'Allowed' | 'Forbidden'

export interface Rule {
  readonly name: string
  /** 1..16, any of. */
  readonly from: readonly Source[]
  /** 0..32: the most that this edge can ever hold. */
  readonly scopes?: readonly string[]
  /** Default Allowed. */
  readonly delegation?: Delegation
  readonly subject?: SubjectCondition
  /** 0..32; none: every operation, with all the edge's scopes. */
  readonly operations?: readonly Operation[]
  readonly token?: { /** Default 5m; 30s..1h. */ readonly lifetime?: string }
}

/** One of `serviceAccount` and `issuer`. */
export interface Source {
  readonly serviceAccount?: { readonly namespace?: string; readonly name: string }
  readonly issuer?: {
    /** A TrustedIssuer. */
    readonly name: string
    /** Match `azp` or `client_id`, `*` as the last character matches the rest. */
    readonly clients?: readonly string[]
    /** Match `sub`, in the same way. */
    readonly subjects?: readonly string[]
  }
}

export interface SubjectCondition {
  /** Whose users: names of TrustedIssuers. */
  readonly issuers?: readonly string[]
  /** What the user's own token must carry, judged when a token is issued. */
  readonly scopes?: readonly string[]
}

export interface Operation {
  /** Omitted: every method. */
  readonly methods?: readonly string[]
  /** Templates: `{name}` is one segment, `**` the rest and last. Omitted: every path. */
  readonly paths?: readonly string[]
  /** Omitted: all the rule's scopes. */
  readonly scopes?: readonly string[]
}

export interface PublicOperation {
  readonly methods?: readonly string[]
  readonly paths: readonly string[]
}

export interface TrustedIssuer {
  readonly apiVersion: 'tokenward.dev/v1alpha1'
  readonly kind: 'TrustedIssuer'
  /** Cluster-scoped: `namespace` is the empty string. */
  readonly metadata: ObjectMeta
  readonly spec: TrustedIssuerSpec
}

export interface TrustedIssuerSpec {
  /** The exact `iss`. */
  readonly issuer: string
  readonly keys: IssuerKeys
  readonly audiences: readonly IssuerAudience[]
  /** Default ES256, RS256, PS256, EdDSA. */
  readonly algorithms?: readonly Algorithm[]
  /** Default `<name>:`. */
  readonly subjectPrefix?: string
  readonly claims?: { /** Default `sub`. */ readonly subject?: string; readonly groups?: string }
}

/** One of `jwks` and `jwksUri`. */
export interface IssuerKeys {
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  readonly jwksUri?: string
}

export interface IssuerAudience {
  readonly value: string
  readonly services: readonly { readonly namespace: string; readonly name: string }[]
}

export type Algorithm =
  'ES256' | 'ES384' | 'ES512' | 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'EdDSA'

export type CustomResource = AccessPolicy | TrustedIssuer

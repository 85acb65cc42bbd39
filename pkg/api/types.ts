/** The custom resources of tokenward.dev/v1alpha1. Generated from crds/ by `make generate`. */
import type { ObjectMeta } from './core.ts'

/**
 * Who may call what, and how. Whatever no rule allows is refused, also where no policy targets a
 * workload.
 */
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
  /** The core group. */
  readonly group: ''
  /** Only Services are targets. */
  readonly kind: 'Service'
  /** A Service of this namespace. */
  readonly name: string
  /** One port by name; omitted: all its ports. */
  readonly sectionName?: string
}

export interface Rule {
  /** Named in decisions and audit lines. */
  readonly name: string
  /** 1..16, any of. */
  readonly from: readonly Source[]
  /** 0..32: the most that this edge can ever hold. */
  readonly scopes?: readonly string[]
  /**
   * On behalf of whom. Required: the subject is a user of a TrustedIssuer, never a workload.
   * Forbidden: it is the caller itself. Default Allowed.
   */
  readonly delegation?: Delegation
  /** Whose users, where the call is made on behalf of one. */
  readonly subject?: SubjectCondition
  /** 0..32; none: every operation, with all the edge's scopes. */
  readonly operations?: readonly Operation[]
  /** The tokens that are issued for this edge. */
  readonly token?: {
    /** Default 5m; 30s..1h. */
    readonly lifetime?: string
  }
}

/** One of `serviceAccount` and `issuer`. */
export interface Source {
  /** The workloads of one service account. */
  readonly serviceAccount?: {
    /** Default: the policy's. */
    readonly namespace?: string
    /** One account; there is no wildcard. */
    readonly name: string
  }
  /** Callers that hold a token of a TrustedIssuer. */
  readonly issuer?: {
    /** A TrustedIssuer. */
    readonly name: string
    /** Match `azp` or `client_id`, `*` as the last character matches the rest. */
    readonly clients?: readonly string[]
    /** Match `sub`, in the same way. */
    readonly subjects?: readonly string[]
  }
}

export type Delegation = 'Required' | 'Allowed' | 'Forbidden'

export interface SubjectCondition {
  /** Whose users: names of TrustedIssuers. */
  readonly issuers?: readonly string[]
  /** What the user's own token must carry. */
  readonly scopes?: readonly string[]
}

export interface Operation {
  /** Upper case. Omitted: every method. */
  readonly methods?: readonly string[]
  /** Templates: `{name}` is one segment, `**` the rest and last. Omitted: every path. */
  readonly paths?: readonly string[]
  /** Omitted: all the rule's scopes. */
  readonly scopes?: readonly string[]
}

export interface PublicOperation {
  /** Upper case. Omitted: every method. */
  readonly methods?: readonly string[]
  /** Templates, as in operations. */
  readonly paths: readonly string[]
}

/** Whose tokens may be a subject or a caller. */
export interface TrustedIssuer {
  readonly apiVersion: 'tokenward.dev/v1alpha1'
  readonly kind: 'TrustedIssuer'
  /** Cluster-scoped: `namespace` is the empty string. */
  readonly metadata: ObjectMeta
  readonly spec: TrustedIssuerSpec
}

export interface TrustedIssuerSpec {
  /** The exact `iss`: an https URL without query and fragment (http only on loopback). */
  readonly issuer: string
  /** One of `jwks` and `jwksUri`. */
  readonly keys: IssuerKeys
  /**
   * 1..16. Only the named Services accept a token of that audience, and only their workloads may
   * present it as a subject.
   */
  readonly audiences: readonly IssuerAudience[]
  /** Default ES256, RS256, PS256, EdDSA. */
  readonly algorithms?: readonly Algorithm[]
  /** What is put before its subjects. Default `<name>:`. */
  readonly subjectPrefix?: string
  /** Which claims say what: the whole name of a claim, or a path with dots. */
  readonly claims?: {
    /** Default `sub`. */
    readonly subject?: string
    /** Default: none. */
    readonly groups?: string
  }
}

export interface IssuerKeys {
  /** A JWK set of public keys (RFC 7517 5). */
  readonly jwks?: {
    /** Public keys of an asymmetric algorithm; a private or symmetric one is refused. */
    readonly keys: readonly Readonly<Record<string, unknown>>[]
  }
  /** Where the set is fetched, over https (http only on loopback). */
  readonly jwksUri?: string
}

export interface IssuerAudience {
  /** The exact `aud`. */
  readonly value: string
  /** 1..64. */
  readonly services: readonly {
    /** Namespace of the Service. */
    readonly namespace: string
    /** Name of the Service. */
    readonly name: string
  }[]
}

export type Algorithm =
  'ES256' | 'ES384' | 'ES512' | 'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'EdDSA'

export type CustomResource = AccessPolicy | TrustedIssuer

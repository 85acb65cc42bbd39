/** One actor, older actors inside (RFC 8693 4.1). Only the outermost counts for access. */
export interface Act {
  readonly sub: string
  readonly act?: Act
}

/** A token from which this one was derived (tokens.md, exchange rule 10). */
export interface Ancestor {
  /** The `jti`, or the SHA-256 (base64url) of a token that has none. */
  readonly id: string
  /** 0 where the token had none. */
  readonly iat: number
  /** Who held it: the client it was issued to; empty where it named none. */
  readonly client: string
  /** `namespace/policy/rule` of the edge under which it was issued; empty for a foreign token. */
  readonly rule: string
  /** The grant of a third party; empty where there is none. */
  readonly grant: string
}

/** Claims of an access token of ours (RFC 9068 2.2, RFC 8693 4). Times are seconds. */
export interface AccessTokenClaims {
  readonly iss: string
  /** The user, prefixed by issuer; or the workload itself, `spiffe://…`. */
  readonly sub: string
  readonly aud: string
  /** The identity that may use it: `spiffe://…`. */
  readonly client_id: string
  /** UID of the client's ServiceAccount: a recreated name revives nothing. */
  readonly client_uid: string
  readonly iat: number
  readonly nbf: number
  readonly exp: number
  readonly jti: string
  /** Space separated; absent where there is none. */
  readonly scope?: string
  /** Name of the TrustedIssuer of the subject; absent for workloads. */
  readonly sub_iss?: string
  /** Scopes of the subject's own token that rules of this audience ask for; space separated. */
  readonly sub_scope?: string
  readonly groups?: readonly string[]
  readonly act?: Act
  readonly anc?: readonly Ancestor[]
  /** `namespace/policy/rule` of the edge under which it was issued. */
  readonly rule: string
  readonly sid?: string
  readonly auth_time?: number
  readonly acr?: string
  readonly amr?: readonly string[]
}

/** A verified token, of ours or of a TrustedIssuer, in the one form that decisions read. */
export interface Bearer {
  readonly origin: 'authority' | 'issuer'
  /** The TrustedIssuer that signed it; empty for tokens of ours. */
  readonly issuerName: string
  /** The values of `aud`. */
  readonly audiences: readonly string[]
  /** Prefixed by issuer for users; `spiffe://…` for workloads. */
  readonly subject: string
  /** Name of the TrustedIssuer whose user the subject is; empty where it is a workload. */
  readonly subjectIssuer: string
  /** `client_id` (or `azp` of a foreign token); empty where it names none. */
  readonly client: string
  readonly clientUid: string
  /** Identities of the actors, outermost first. */
  readonly actors: readonly string[]
  readonly scopes: readonly string[]
  /** What is known of the scopes of the subject's own token; of a foreign token, its scopes. */
  readonly subjectScopes: readonly string[]
  readonly groups: readonly string[]
  readonly issuedAtSeconds: number
  readonly notBeforeSeconds: number
  readonly expiresAtSeconds: number
  /** `jti`, or the SHA-256 (base64url) of the token. */
  readonly id: string
  /** SHA-256 (base64url) of the whole token: the key of every cache. */
  readonly hash: string
  /** The claims as they came, for what is copied by allow-list at exchange. Never sent on. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** The `foreign` verifier settings of one TrustedIssuer, compiled (section `issuers`). */
export interface IssuerTrust {
  /** Name of the TrustedIssuer. */
  readonly name: string
  readonly issuer: string
  /** Keys where they are inline or were fetched; absent: `jwksUri` has not answered yet. */
  readonly jwks?: { readonly keys: readonly JsonWebKeyRow[] }
  readonly jwksUri?: string
  readonly algorithms: readonly string[]
  readonly subjectPrefix: string
  /** Prefixes of the other issuers: under an empty prefix, a subject that begins with one is refused. */
  readonly foreignPrefixes: readonly string[]
  readonly subjectClaim: string
  readonly groupsClaim?: string
  /** Audience -> the Services (`namespace/name`) that accept it. */
  readonly audiences: Readonly<Record<string, readonly string[]>>
}

/** A public key of a JWK set (RFC 7517); only what is used. */
export type JsonWebKeyRow = Readonly<Record<string, unknown>>

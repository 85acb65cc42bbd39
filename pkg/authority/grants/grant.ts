import type { Bearer } from '../../token/claims.ts'
import type { Client } from '../clients/client.ts'
import type { Form } from '../form.ts'
import type { Policy } from '../policy-state.ts'

/** What a request turns out to be about, noted when it is known: its audit line has it either way. */
export interface Trail {
  /** As it was asked for. */
  audience?: string
  /** Verified. */
  subject?: Bearer
}

export interface GrantRequest {
  readonly form: Form
  readonly client: Client
  readonly policy: Policy
  readonly nowSeconds: number
  readonly trail: Trail
  /** Verifies a subject token; fetches a key that is missing. Throws Refusal. */
  readonly verifySubject: (token: string) => Bearer | Promise<Bearer>
}

/** What is to be signed, all of it decided. */
export interface Granted {
  readonly audience: string
  readonly scopes: readonly string[]
  /** What the target may know of the scopes of the subject's own token. */
  readonly subjectScopes: readonly string[]
  /** `namespace/policy/rule`. */
  readonly policy: string
  readonly rule: string
  /** Undefined: the client itself. */
  readonly subject: Bearer | undefined
  /** Outermost first. */
  readonly actors: readonly string[]
  readonly expiresAtSeconds: number
  /** RFC 8693 2.2.1; absent in the answers of other grants. */
  readonly issuedTokenType?: string
}

/** A grant: judges a request of an authenticated client. Throws Refusal. */
export type GrantType = (request: GrantRequest) => Granted | Promise<Granted>

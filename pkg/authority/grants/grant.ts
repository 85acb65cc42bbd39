import { decideIssue, type IssueSubject } from '../../policy/issue.ts'
import { Refusal } from '../../refusal/refusal.ts'
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

/** What every grant has of the edge that decided. */
type Authorised = Pick<
  Granted,
  'audience' | 'scopes' | 'subjectScopes' | 'policy' | 'rule' | 'actors'
>

/** Authorises against the edges of today; gives the lifetime beside. Throws Refusal. */
export function authorise(
  { client, policy }: Pick<GrantRequest, 'client' | 'policy'>,
  wanted: {
    readonly audience: string
    readonly asked: readonly string[] | undefined
    /** Undefined: the client asks for itself. */
    readonly subject?: IssueSubject
  },
): { readonly authorised: Authorised; readonly lifetimeSeconds: number } {
  const { audience, asked, subject } = wanted
  const edges = policy.edges(client, audience)
  const grant = decideIssue({ edges, client: client.identity, subject, asked })
  if (grant instanceof Refusal) throw grant
  const { edge, scopes, subjectScopes, actors, lifetimeSeconds } = grant
  const { policy: name, rule } = edge
  return {
    authorised: { audience, scopes, subjectScopes, policy: name, rule, actors },
    lifetimeSeconds,
  }
}

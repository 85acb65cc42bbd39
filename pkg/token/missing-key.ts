import { Refusal } from '../refusal/refusal.ts'

/**
 * The issuer is trusted and its key is not here: `token_key` where it has others, `keys_unavailable`
 * where it has none. Who holds a key source may refetch and try again.
 */
export class MissingKey extends Refusal {
  /** The TrustedIssuer; empty for our own authority. */
  readonly issuerName: string
  /** Of the token's header, which is not verified; at most 256 characters. */
  readonly kid: string

  constructor(
    reason: 'token_key' | 'keys_unavailable',
    issuerName: string,
    kid: string | undefined,
  ) {
    super(reason)
    this.name = 'MissingKey'
    this.issuerName = issuerName
    this.kid = kid?.slice(0, 256) ?? ''
  }
}

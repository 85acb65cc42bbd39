import { reasons, type Reason } from './reasons.ts'

/** Facts that may be shown to whoever asked: never input, never a secret. */
export interface PublicFacts {
  /** `policy namespace/name` and rule that came nearest. */
  readonly policy?: string
  readonly rule?: string
  /** Scopes that would have been enough, space separated (RFC 6750 3.1). */
  readonly scope?: string
  /** When to try again. */
  readonly retryAfterSeconds?: number
  /** In place of the reason's own status: what another process refused is passed on with it. */
  readonly status?: number
  /** One more sentence from us, never from input. */
  readonly hint?: string
}

/**
 * One decision against a request. Thrown or returned in the lowest room that knows, turned into an
 * answer in one place per process kind. `cause` is private: it goes to the log, never on the wire.
 */
export class Refusal extends Error {
  readonly reason: Reason
  readonly facts: PublicFacts

  constructor(reason: Reason, facts: PublicFacts = {}, cause?: unknown) {
    // A decision, not a mistake: nobody reads its stack, and taking one costs more than the decision.
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(reasons[reason].words, cause === undefined ? undefined : { cause })
    Error.stackTraceLimit = limit
    this.name = 'Refusal'
    this.reason = reason
    this.facts = facts
  }
}

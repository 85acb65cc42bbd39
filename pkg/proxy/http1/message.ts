import type { Address } from '../../http/address.ts'
import type { Refusal } from '../../refusal/refusal.ts'
import type { Reason } from '../../refusal/reasons.ts'

/**
 * `reverse`: a server for an application; `forward-proxy`: absolute-form is the normal case, and what else a proxy
 * can be asked for (CONNECT, https URLs) is 501 and not malformed.
 */
export type Mode = 'reverse' | 'forward-proxy'

/** How a body is framed: none at all, chunked, or so many bytes (0 when that was said). */
export type RequestBody = 'none' | 'chunked' | number

/**
 * A request head that has exactly one reading (RFC 9112). Hop-by-hop fields, framing, `Expect` and `Host`
 * are taken out of `fields` by the parser and are written again from this form.
 */
export interface RequestHead {
  readonly method: string
  /** As received, percent-encoding untouched, no query; `*` for `OPTIONS *`. */
  readonly path: string
  /** `''` or `?…` */
  readonly query: string
  /** `host[:port]`, lower-case; `''` for HTTP/1.0 without Host. */
  readonly authority: string
  /** The target came in absolute-form. */
  readonly absolute: boolean
  readonly minor: 0 | 1
  /** End-to-end fields: name, value, name, value, … in order, names as they came. */
  readonly fields: readonly string[]
  /**
   * Lower-case names that `Connection` lists. They are in `fields` for the decision to see; the engine takes
   * them out of what is forwarded, but never out of `ForwardVerdict.added`.
   */
  readonly listed: readonly string[]
  readonly body: RequestBody
  readonly expectContinue: boolean
  /** The client wants to go on with this connection. */
  readonly keepAlive: boolean
  /**
   * The client offered an upgrade, which is not taken: what it sent before its answer may be of the other
   * protocol and is not read as a request.
   */
  readonly upgrade: boolean
  /** The client sent `TE: trailers`. */
  readonly trailers: boolean
}

/** How one forwarded request ended. */
export interface Outcome {
  /** Status that the client got; 0 when it got none. */
  readonly status: number
  /** Request and response both ended as framed. */
  readonly complete: boolean
  /** Why the engine refused, when it did. */
  readonly reason?: Reason
}

export interface ForwardVerdict {
  readonly kind: 'forward'
  readonly to: Address
  /** Path and query to send, beginning with `/` (or `*`). */
  readonly path: string
  /** What came from the wire and goes on, flat; usually `head.fields` or a filtered copy. */
  readonly fields: readonly string[]
  /** Our own fields, flat; written after `fields`. Values are latin1 without control bytes. */
  readonly added: readonly string[]
  /** Tokenward-Decision id, for answers that the engine makes about this request. */
  readonly decision: string
  /** Says which request trailers do not go on (framing, routing and credentials never do). */
  readonly dropTrailer?: (lowerName: string) => boolean
  /** Called exactly once, when the exchange is over in both directions or was given up. */
  readonly onEnd?: (outcome: Outcome) => void
}

export interface AnswerVerdict {
  readonly kind: 'answer'
  readonly refusal: Refusal
  /** Tokenward-Decision id. */
  readonly decision: string
  /** WWW-Authenticate in place of the usual one of the reason. */
  readonly challenge?: string
}

export type Verdict = ForwardVerdict | AnswerVerdict

export interface ConnectionFacts {
  readonly remoteAddress: string
  readonly localPort: number
  /** Name of the listener, as given to `createProxyServer`. */
  readonly listener: string
}

/**
 * Judges one request. It may answer at once (the fast path) or later. A thrown Refusal becomes its answer;
 * anything else thrown is a 500 and closes the connection.
 */
export type Handler = (head: RequestHead, connection: ConnectionFacts) => Verdict | Promise<Verdict>

import type { Socket } from 'node:net'
import type { Address } from '../../http/address.ts'
import type { RequestHead } from '../../http/http1/message.ts'
import type { Refusal } from '../../refusal/refusal.ts'
import type { Reason } from '../../refusal/reasons.ts'

/** How one forwarded request ended. */
export interface Outcome {
  /** Status that the client got; 0 when it got none. */
  readonly status: number
  /** Request and response both ended as framed. */
  readonly complete: boolean
  /** Why the engine refused, when it did. */
  readonly reason?: Reason
}

/** Where to connect to, and from which address of this machine; absent: the usual one. */
export interface Dial extends Address {
  readonly from?: string
}

export interface ForwardVerdict {
  readonly kind: 'forward'
  readonly to: Dial
  /** Path and query to send, beginning with `/` (or `*`); to another proxy a whole URL. */
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
  /** Where a redirected connection was going; absent: it was made to this listener. */
  readonly destination?: Address | undefined
}

/** Looks at each new connection of a listener before it is read as HTTP. */
export interface Front {
  /** Calls `serve`, now or later, for a connection that is to be read as HTTP, or deals with it itself. */
  accept(socket: Socket, serve: (destination?: Address) => void): void
  /** Ends connections that have said nothing yet. */
  endIdle(): void
  /** Breaks all that it deals with. */
  abort(): void
}

/**
 * Judges one request. It may answer at once (the fast path) or later. A thrown Refusal becomes its answer;
 * anything else thrown is a 500 and closes the connection.
 */
export type Handler = (head: RequestHead, connection: ConnectionFacts) => Verdict | Promise<Verdict>

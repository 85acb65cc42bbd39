import { connectionsWithin } from '../connections.ts'
import { messageLimits, type MessageLimits } from '../http1/limits.ts'

/** Bounds of a server of ours. Every one is a number, so that tests can make it small. */
export interface ServeLimits extends MessageLimits {
  readonly bodyBytes: number
  /** Connections at once; more are closed as they come. */
  readonly connections: number
  readonly handshakeMs: number
  /** From the first byte of a request (or the start of a connection) to its last. */
  readonly requestMs: number
  /** A kept-alive connection without a request. */
  readonly idleMs: number
  /** An answer that nobody reads. */
  readonly stallMs: number
  /** How long what still comes is thrown away after an answer that closes. */
  readonly lingerMs: number
  /** How often deadlines are looked at. */
  readonly sweepMs: number
  /** Answers of one turn of the event loop that are written together. */
  readonly together: number
}

export const serveLimits: ServeLimits = Object.freeze({
  ...messageLimits,
  bodyBytes: 64 * 1024,
  connections: connectionsWithin(),
  handshakeMs: 10_000,
  requestMs: 15_000,
  idleMs: 95_000,
  stallMs: 15_000,
  lingerMs: 2_000,
  sweepMs: 1_000,
  together: 8,
})

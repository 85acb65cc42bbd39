import { messageLimits, type MessageLimits } from '../../http/http1/limits.ts'

/** Bounds of the wire. Every one is a number, so that tests can make it small. */
export interface Limits extends MessageLimits {
  /** Client connections at once; more are answered 503. */
  readonly connections: number
  /** From the first byte of a head (or the start of a connection) to its last. */
  readonly headMs: number
  /** A kept-alive client connection without a request. */
  readonly idleMs: number
  /** No byte of a body that is waited for, or no reading of what was written. */
  readonly stallMs: number
  readonly connectMs: number
  /** From the whole request sent to the head of the answer. */
  readonly responseMs: number
  /** How long what still comes is thrown away after an answer that closes. */
  readonly lingerMs: number
  /** Idle upstream connections: how long (servers end theirs after 5 s and more) and how many per address. */
  readonly poolIdleMs: number
  /**
   * How long an upstream connection is used at all: it keeps to the pod that it was opened to, also once
   * the Service leads elsewhere. Shorter than the time for which a pod that is replaced still serves.
   */
  readonly poolAgeMs: number
  readonly poolSize: number
  /** How often deadlines are looked at. */
  readonly sweepMs: number
}

export const defaultLimits: Limits = Object.freeze({
  ...messageLimits,
  connections: 10_000,
  headMs: 30_000,
  idleMs: 120_000,
  stallMs: 300_000,
  connectMs: 5_000,
  responseMs: 300_000,
  lingerMs: 2_000,
  poolIdleMs: 4_000,
  poolAgeMs: 2_000,
  poolSize: 256,
  sweepMs: 1_000,
})

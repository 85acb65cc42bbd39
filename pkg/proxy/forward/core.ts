import type { Refusal } from '../../refusal/refusal.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Limits } from './limits.ts'
import type { Mode } from '../../http/http1/message.ts'
import type { ConnectionFacts, Handler } from './verdict.ts'

/** Counters since the start and two gauges (`active`, `idleUpstreams`); read at a scrape. */
export interface ProxyStats {
  connections: number
  active: number
  requests: number
  refusals: number
  upstreamConnections: number
  upstreamReused: number
  upstreamRetries: number
}

/** What all connections of one server share. */
export interface Core {
  readonly handler: Handler
  readonly mode: Mode
  readonly listener: string
  readonly log: Log
  readonly newDecision: () => string
  readonly onRefusal: (refusal: Refusal, decision: string, connection: ConnectionFacts) => void
  readonly limits: Limits
  readonly stats: ProxyStats
  /** Monotonic milliseconds as of the last sweep: late by up to `sweepMs`, and free to read. */
  nowMs: number
  draining: boolean
}

/** A deadline that comes no sooner than asked: the coarse clock may be a sweep late. */
export function deadlineIn(core: Core, ms: number): number {
  return core.nowMs + core.limits.sweepMs + ms
}

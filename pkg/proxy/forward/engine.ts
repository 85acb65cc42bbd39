import { createServer, type Server } from 'node:net'
import type { Refusal } from '../../refusal/refusal.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Limits } from '../http1/limits.ts'
import type { ConnectionFacts, Handler } from '../http1/message.ts'

/**
 * `reverse`: absolute-form only when it says what Host says. `forward-proxy`: absolute-form is the normal
 * case; origin-form is served too.
 */
export type Mode = 'reverse' | 'forward-proxy'

export interface ProxyServerOptions {
  readonly handler: Handler
  readonly mode: Mode
  /** Name of the listener: goes to the handler, metrics and logs. */
  readonly listener: string
  readonly log: Log
  /** A new Tokenward-Decision id, for what the engine refuses without a verdict. */
  readonly newDecision: () => string
  /** What the engine refused by itself (malformed heads, upstream away, time-outs). */
  readonly onRefusal?: (refusal: Refusal, decision: string, connection: ConnectionFacts) => void
  readonly limits?: Partial<Limits>
}

/** Counters since the start and two gauges; read at a scrape. */
export interface ProxyStats {
  connections: number
  active: number
  requests: number
  refusals: number
  upstreamConnections: number
  upstreamReused: number
}

export interface ProxyServer {
  /** Not listening yet. */
  readonly server: Server
  readonly stats: Readonly<ProxyStats>
  /** Accepts nothing more, lets running exchanges end, then closes what is left. */
  drain(graceMs: number): Promise<void>
}

export function createProxyServer(options: ProxyServerOptions): ProxyServer {
  void options
  const server = createServer({ allowHalfOpen: true, noDelay: true })
  return {
    server,
    stats: {
      connections: 0,
      active: 0,
      requests: 0,
      refusals: 0,
      upstreamConnections: 0,
      upstreamReused: 0,
    },
    drain: () => Promise.resolve(),
  }
}

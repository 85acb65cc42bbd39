import { performance } from 'node:perf_hooks'
import { createServer, type Server, type Socket } from 'node:net'
import type { Address } from '../../http/address.ts'
import { Refusal } from '../../refusal/refusal.ts'
import type { Log } from '../../telemetry/log.ts'
import { renderAnswer } from '../answers.ts'
import { defaultLimits, type Limits } from './limits.ts'
import type { Mode } from '../../http/http1/message.ts'
import type { ConnectionFacts, Front, Handler } from './verdict.ts'
import type { Core, ProxyStats } from './core.ts'
import { Downstream } from './downstream.ts'
import { Pool } from './pool.ts'

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
  /** Absent: every connection is read as HTTP. */
  readonly front?: Front | undefined
}

export interface ProxyServer {
  /** Not listening yet. */
  readonly server: Server
  readonly stats: Readonly<ProxyStats>
  /** Accepts nothing more, lets running exchanges end, then breaks what is left after `graceMs`. */
  drain(graceMs: number): Promise<void>
}

/** A proxy for HTTP/1.1 (RFC 9112) that forwards what `handler` allows; see `verdict.ts`. */
export function createProxyServer(options: ProxyServerOptions): ProxyServer {
  const core = createCore(options)
  const { front } = options
  const engine: Engine = { core, front, pool: new Pool(), downstreams: new Set() }
  const server = createServer({
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  })
  server.on('connection', (socket) => accept(engine, socket))
  let timer: NodeJS.Timeout | undefined
  server.on('listening', () => {
    core.nowMs = performance.now()
    timer = setInterval(() => sweep(engine), core.limits.sweepMs).unref()
  })
  return {
    server,
    stats: core.stats,
    drain: (graceMs) => drain(engine, server, { graceMs, timer }),
  }
}

interface Engine {
  readonly core: Core
  readonly front: Front | undefined
  readonly pool: Pool
  readonly downstreams: Set<Downstream>
}

function createCore(options: ProxyServerOptions): Core {
  const { handler, mode, listener, log, newDecision, onRefusal = () => undefined } = options
  return {
    handler,
    mode,
    listener,
    log,
    newDecision,
    onRefusal,
    limits: { ...defaultLimits, ...options.limits },
    stats: {
      connections: 0,
      active: 0,
      requests: 0,
      refusals: 0,
      upstreamConnections: 0,
      upstreamReused: 0,
      upstreamRetries: 0,
    },
    nowMs: performance.now(),
    draining: false,
  }
}

function accept(engine: Engine, socket: Socket): void {
  const { core, front } = engine
  core.stats.connections++
  if (core.stats.active >= core.limits.connections) {
    socket.on('error', () => undefined)
    const refusal = new Refusal('overloaded')
    socket.end(renderAnswer({ refusal, decision: core.newDecision(), close: true }))
    socket.destroySoon()
    return
  }
  core.stats.active++
  if (front === undefined) serve(engine, socket, undefined)
  else {
    socket.on('error', () => undefined)
    socket.on('close', () => core.stats.active--)
    front.accept(socket, (destination) => serve(engine, socket, destination))
  }
}

function serve(engine: Engine, socket: Socket, destination: Address | undefined): void {
  const { core, front, pool, downstreams } = engine
  const onClosed = (): void => {
    if (front === undefined) core.stats.active--
    downstreams.delete(downstream)
  }
  const downstream = new Downstream(core, socket, { pool, onClosed, destination })
  downstreams.add(downstream)
}

function sweep({ core, pool, downstreams }: Engine): void {
  core.nowMs = performance.now()
  for (const downstream of downstreams) {
    if (downstream.deadlineMs < core.nowMs) downstream.timedOut()
  }
  pool.sweep(core.nowMs)
}

async function drain(
  { core, front, pool, downstreams }: Engine,
  server: Server,
  options: { readonly graceMs: number; readonly timer: NodeJS.Timeout | undefined },
): Promise<void> {
  core.draining = true
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  for (const downstream of downstreams) downstream.endIdle()
  front?.endIdle()
  pool.sweep(core.nowMs, true)
  const deadline = setTimeout(() => {
    for (const downstream of downstreams) downstream.abort()
    front?.abort()
  }, options.graceMs)
  await closed
  clearTimeout(deadline)
  clearInterval(options.timer)
}

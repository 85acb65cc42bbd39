import { performance } from 'node:perf_hooks'
import type { Socket } from 'node:net'
import tls, { type Server } from 'node:tls'
import type { Refusal } from '../../refusal/refusal.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Answer } from './answer.ts'
import { Connection } from './connection.ts'
import { createTurns, type ServeCore } from './core.ts'
import { serveLimits, type ServeLimits } from './limits.ts'
import type { ServeHandler } from './request.ts'

/** What a server serves with, PEM. */
export interface Serving {
  readonly certificate: string
  readonly privateKey: string
}

export interface TlsServerOptions {
  readonly serving: Serving
  readonly handler: ServeHandler
  readonly refuse: (refusal: Refusal) => Answer
  readonly log: Log
  readonly limits?: Partial<ServeLimits>
}

/** A server for `listen` and `drain`. */
export interface TlsServer extends Server {
  /** New handshakes use these; connections that are open stay as they are. */
  serveWith(serving: Serving): void
  closeIdleConnections(): void
  closeAllConnections(): void
}

/**
 * HTTP/1.1 over TLS (RFC 9112, RFC 9110 4.2.2) by the parser of `http1`, for short requests and answers: a
 * body arrives whole before it is judged and an answer is one write. Not listening yet.
 */
export function createTlsServer(options: TlsServerOptions): TlsServer {
  const { handler, refuse, log } = options
  const limits: ServeLimits = { ...serveLimits, ...options.limits }
  const core: ServeCore = {
    handler,
    refuse,
    log,
    limits,
    enqueue: createTurns(limits.together),
    keepAlive: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(limits.idleMs / 1000)}`,
    nowMs: performance.now(),
    date: new Date().toUTCString(),
    draining: false,
  }
  const connections = new Set<Connection>()
  const sockets = new Set<Socket>()
  const server = tls.createServer({
    ...contextOf(options.serving),
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: limits.handshakeMs,
    allowHalfOpen: true,
    noDelay: true,
  })
  server.maxConnections = limits.connections
  // In the handshake too: what is cut at the end must include it.
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('secureConnection', (socket) => {
    const connection = new Connection(core, socket)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    log.debug({ code: error.code, from: socket.remoteAddress }, 'a TLS handshake failed')
    socket.destroy()
  })
  const sweep = (): void => {
    core.nowMs = performance.now()
    core.date = new Date().toUTCString()
    for (const connection of connections) {
      if (connection.deadlineMs <= core.nowMs) connection.timedOut()
    }
  }
  let timer: NodeJS.Timeout | undefined
  server.on('listening', () => {
    sweep()
    timer = setInterval(sweep, limits.sweepMs).unref()
  })
  server.on('close', () => clearInterval(timer))
  return Object.assign(server, {
    serveWith: (serving: Serving) => server.setSecureContext(contextOf(serving)),
    closeIdleConnections: () => {
      core.draining = true
      for (const connection of connections) connection.endIdle()
    },
    closeAllConnections: () => {
      for (const socket of sockets) socket.destroy()
      for (const connection of connections) connection.destroy()
    },
  })
}

function contextOf({ certificate, privateKey }: Serving): tls.SecureContextOptions {
  return { cert: certificate, key: privateKey, minVersion: 'TLSv1.2' }
}

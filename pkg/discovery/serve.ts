import http2 from 'node:http2'
import type {
  Http2SecureServer,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import { Refusal } from '../refusal/refusal.ts'
import { rowOf } from '../refusal/reasons.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { authenticate } from './admit.ts'
import { checkPeer, takeProgress } from './take-progress.ts'
import { discoveryPath, progressPath } from './wire.ts'
import { runSession, type SessionOptions } from './session.ts'
import { createWaitingRoom } from './waiting-room.ts'

const closeGraceMs = 500
const minVersion = 'TLSv1.3'
const handshakeTimeoutMs = 10_000
/** Six heartbeats: a connection on which nothing moves serves nobody. */
const idleTimeoutMs = 60_000
/** Anybody in the cluster may connect, and each connection costs memory, some 80 KiB. */
const waitingRoom = { connections: 2_000, ms: 15_000 }

export interface DiscoveryServer {
  /** Not listening yet. */
  readonly server: Http2SecureServer
  /** Another certificate from now on: streams that are open go on. */
  serveWith(serving: { readonly certificate: string; readonly privateKey: string }): void
  /** Ends every stream and closes the port. */
  close(): Promise<void>
}

export interface ServeOptions extends Omit<SessionOptions, 'onSent' | 'onAnswer' | 'refuse'> {
  /** PEM; absent: no handshake succeeds before `serveWith`. */
  readonly certificate?: string
  /** PEM. */
  readonly privateKey?: string
  readonly metrics: Metrics
  /** The certificate that other replicas serve with, which they show as ours; absent: there are none. */
  readonly peerCertificate?: () => string | undefined
  /** Of connections on which nobody is admitted yet: how many there may be, and for how long. */
  readonly waiting?: { readonly connections: number; readonly ms: number }
}

/** The server side of the discovery stream: one HTTP/2 request per client, over TLS 1.3. */
export function createDiscoveryServer(options: ServeOptions): DiscoveryServer {
  const { log } = options
  const count = countersIn(options)
  const sessions = new Set<ServerHttp2Session>()
  const streams = new Set<ServerHttp2Stream>()
  const sockets = new Set<Socket>()
  const waiting = createWaitingRoom(options.waiting ?? waitingRoom)
  const server = http2.createSecureServer({
    cert: options.certificate,
    key: options.privateKey,
    minVersion,
    handshakeTimeout: handshakeTimeoutMs,
    // Whether it is a peer's is judged where it matters: sidecars show none.
    ...(options.peerCertificate === undefined
      ? {}
      : { requestCert: true, rejectUnauthorized: false }),
    settings: { maxConcurrentStreams: 4, maxHeaderListSize: 32 * 1024 },
  })

  const refuse = (stream: ServerHttp2Stream, refusal: Refusal): void => {
    if (stream.destroyed || stream.closed) return
    const { reason } = refusal
    count.refused(reason)
    log.info({ reason, err: refusal.cause }, 'a discovery stream is refused')
    if (stream.headersSent) {
      stream.close(http2.constants.NGHTTP2_PROTOCOL_ERROR)
      return
    }
    const { status, words } = rowOf(reason)
    stream.respond({ ':status': status, 'content-type': 'application/problem+json' })
    stream.end(JSON.stringify({ status, reason, title: words }))
    // What it still sends is not read: without this the stream would stay half open.
    stream.resume()
    stream.close()
    // The next try costs another handshake, and so does the next line of the log.
    stream.session?.close()
  }
  const session: SessionOptions = { ...options, ...count, refuse }

  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    waiting.enter(socket)
  })
  server.on('session', (http2Session) => {
    sessions.add(http2Session)
    http2Session.setTimeout(idleTimeoutMs, () => http2Session.destroy())
    http2Session.on('close', () => sessions.delete(http2Session))
    http2Session.on('error', (err) => log.debug({ err }, 'a discovery connection failed'))
  })
  server.on('sessionError', (err) => log.debug({ err }, 'a discovery connection failed'))
  server.on('tlsClientError', (err) => log.debug({ err }, 'a TLS handshake failed'))
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    streams.add(stream)
    stream.on('close', () => streams.delete(stream))
    stream.on('error', (err) => log.debug({ err }, 'a discovery stream failed'))
    const isPost = headers[':method'] === 'POST'
    if (isPost && headers[':path'] === progressPath && options.peerCertificate !== undefined) {
      try {
        checkPeer(stream, options.peerCertificate())
        waiting.leave(stream.session?.socket)
        takeProgress(stream, options.index, (error) =>
          refuse(stream, new Refusal('invalid_request', {}, error)),
        )
      } catch (error) {
        refuse(stream, error instanceof Refusal ? error : new Refusal('internal', {}, error))
      }
      return
    }
    if (!isPost || headers[':path'] !== discoveryPath) {
      stream.respond({ ':status': 404, 'content-type': 'text/plain' })
      stream.end('not found\n')
      stream.close()
      return
    }
    try {
      const admission = authenticate(headers.authorization, options)
      waiting.leave(stream.session?.socket)
      runSession(stream, admission, session)
    } catch (error) {
      refuse(stream, error instanceof Refusal ? error : new Refusal('internal', {}, error))
    }
  })

  return {
    server,
    serveWith: ({ certificate, privateKey }) =>
      server.setSecureContext({ cert: certificate, key: privateKey, minVersion }),
    close: () =>
      new Promise((resolve) => {
        const cut = setTimeout(() => {
          // A session may be over while its peer keeps the socket open.
          for (const socket of sockets) socket.destroy()
        }, closeGraceMs)
        server.close(() => {
          clearTimeout(cut)
          resolve()
        })
        for (const stream of streams) stream.end()
        for (const http2Session of sessions) http2Session.close()
      }),
  }
}

function countersIn(options: ServeOptions): {
  refused(reason: string): void
  onSent: SessionOptions['onSent']
  onAnswer: SessionOptions['onAnswer']
} {
  const { metrics, index } = options
  const refused = metrics.counter(
    'tokenward_discovery_refused_total',
    'Discovery streams refused, by reason.',
    ['reason'],
  )
  const answers = metrics.counter(
    'tokenward_discovery_answers_total',
    'Updates that clients acknowledged or rejected.',
    ['answer'],
  )
  const sent = metrics.counter(
    'tokenward_discovery_sent_bytes_total',
    'Bytes sent on discovery streams, by kind of client.',
    ['kind'],
  )
  metrics.gauge({
    name: 'tokenward_discovery_streams',
    help: 'Discovery clients connected, by kind.',
    labels: ['kind'],
    collect(gauge) {
      for (const [kind, number] of Object.entries(index.counts())) gauge.set({ kind }, number)
    },
  })
  return {
    refused: (reason) => refused.inc({ reason }),
    onSent: (kind, bytes) => sent.inc({ kind }, bytes),
    onAnswer: (answer) => answers.inc({ answer }),
  }
}

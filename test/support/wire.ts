import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net'
import { createServer, type RequestListener } from 'node:http'
import { createProxyServer, type ProxyServer } from '../../pkg/proxy/forward/engine.ts'
import type { Limits } from '../../pkg/proxy/forward/limits.ts'
import type { Mode, RequestHead } from '../../pkg/http/http1/message.ts'
import type { Handler, Outcome, Verdict } from '../../pkg/proxy/forward/verdict.ts'
import { Refusal } from '../../pkg/refusal/refusal.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { until } from './until.ts'

export interface Wire {
  readonly port: number
  readonly appPort: number
  readonly proxy: ProxyServer
  readonly outcomes: Outcome[]
  /** Reasons that the engine refused for by itself. */
  readonly refusals: string[]
  readonly logged: string[]
  close(): Promise<void>
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/**
 * The engine before an application, which is a node:http listener or a function of raw sockets. `/refused` is
 * answered no_token; everything else is forwarded.
 */
export async function startWire(options: {
  readonly app?: RequestListener
  readonly raw?: (socket: Socket) => void
  readonly limits?: Partial<Limits>
  readonly mode?: Mode
  readonly judge?: (head: RequestHead, verdict: Verdict) => ReturnType<Handler>
}): Promise<Wire> {
  const sockets = new Set<Socket>()
  const app: Server =
    options.raw === undefined
      ? createServer({ keepAliveTimeout: 60_000 }, options.app)
      : createTcpServer({ allowHalfOpen: true }, options.raw)
  app.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
  })
  const appPort = await listening(app)
  const outcomes: Outcome[] = []
  const refusals: string[] = []
  const logged: string[] = []
  const proxy = createProxyServer({
    mode: options.mode ?? 'reverse',
    listener: 'test',
    log: createLog({ name: 'test', level: 'info', write: (line) => logged.push(line) }),
    newDecision: () => 'of-the-engine',
    onRefusal: (refusal) => refusals.push(refusal.reason),
    limits: { sweepMs: 20, ...options.limits },
    handler: (head) => {
      const verdict = usualVerdict(head, appPort, (outcome) => outcomes.push(outcome))
      return options.judge === undefined ? verdict : options.judge(head, verdict)
    },
  })
  const port = await listening(proxy.server)
  const close = async (): Promise<void> => {
    await proxy.drain(0)
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => app.close(resolve))
  }
  return { port, appPort, proxy, outcomes, refusals, logged, close }
}

function usualVerdict(head: RequestHead, port: number, onEnd: (outcome: Outcome) => void): Verdict {
  if (head.path === '/refused') {
    return { kind: 'answer', refusal: new Refusal('no_token'), decision: 'd1' }
  }
  return {
    kind: 'forward',
    to: { host: '127.0.0.1', port },
    path: head.path + head.query,
    fields: head.fields,
    added: ['Tokenward-Subject', 'alice'],
    decision: 'd2',
    dropTrailer: (name) => name.startsWith('tokenward-'),
    onEnd,
  }
}

export interface RawClient {
  readonly socket: Socket
  /** Everything that was received, as latin1. */
  text(): string
  /** How the connection ended, once it did: `end` by the other side, or an error code. */
  ended(): string | undefined
  send(text: string): void
  /** Waits until what was received contains `part`. */
  receives(part: string): Promise<string>
  /** Waits for the end of the connection and gives everything that was received. */
  ends(): Promise<string>
}

/** A client that says exactly what it is told. */
export function rawClient(port: number): RawClient {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  let ended: string | undefined
  socket.on('data', (bytes) => (received += bytes.toString('latin1')))
  socket.on('end', () => {
    ended ??= 'end'
    socket.end()
  })
  socket.on('error', (error: NodeJS.ErrnoException) => (ended = error.code ?? error.message))
  return {
    socket,
    text: () => received,
    ended: () => ended,
    send: (text) => socket.write(text, 'latin1'),
    receives: async (part) => {
      await until(`received ${part} in ${received}`, () => received.includes(part))
      return received
    },
    ends: async () => {
      await until('the connection ends', () => ended !== undefined)
      return received
    },
  }
}

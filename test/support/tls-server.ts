/** A server of room http on loopback, and raw bytes to and from it. */
import tls from 'node:tls'
import { drain, listen } from '../../pkg/http/listen.ts'
import type { Answer } from '../../pkg/http/serve/answer.ts'
import type { ServeLimits } from '../../pkg/http/serve/limits.ts'
import type { ServeHandler } from '../../pkg/http/serve/request.ts'
import { createTlsServer, type Serving, type TlsServer } from '../../pkg/http/serve/server.ts'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { quietLog } from './discovery.ts'

const root = issueRoot()
/** Another certificate of the same root at each call. */
export const newServing = (): Serving =>
  issueServing({ root, dnsNames: [], ipAddresses: ['127.0.0.1'] })
const serving = newServing()

export interface Heard {
  readonly text: string
  /** The other end closed, not we. */
  readonly closed: boolean
}

export interface Peer {
  readonly socket: tls.TLSSocket
  /** All that has come so far. */
  readonly text: () => string
  readonly isClosed: () => boolean
}

export interface ServedHere {
  readonly server: TlsServer
  readonly port: number
  readonly logged: string[]
  connect(): Promise<Peer>
  /** Sends bytes and reads until the other end closes, or until `enough` of what came. */
  send(bytes: string, enough?: (text: string) => boolean): Promise<Heard>
  close(): Promise<void>
}

const text = (body: string, status = 200): Answer => ({
  status,
  fields: ['Content-Type', 'text/plain'],
  body,
})

/** `method path body`, unless the handler says otherwise. */
export const echo: ServeHandler = ({ method, path, query, body }) =>
  text(`${method} ${path}${query} ${body.toString('latin1')}`)

export async function serveHere(
  handler: ServeHandler = echo,
  limits: Partial<ServeLimits> = {},
): Promise<ServedHere> {
  const logged: string[] = []
  const server = createTlsServer({
    serving,
    handler,
    refuse: ({ reason }) => text(reason, reason === 'request_timeout' ? 408 : 400),
    log: quietLog(logged),
    limits: { sweepMs: 20, ...limits },
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  const peers = new Set<tls.TLSSocket>()
  const connect = async (): Promise<Peer> => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca: root.certificate })
    peers.add(socket)
    let heard = ''
    let closed = false
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString('latin1')))
    socket.on('end', () => (closed = true))
    socket.on('close', () => (closed = true))
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    return { socket, text: () => heard, isClosed: () => closed }
  }
  return {
    server,
    port,
    logged,
    connect,
    async send(bytes, enough = () => false) {
      const { socket, text, isClosed } = await connect()
      socket.write(bytes, 'latin1')
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (isClosed() || enough(text())) resolve()
        }
        for (const event of ['data', 'end', 'close']) socket.on(event, look)
      })
      socket.destroy()
      return { text: text(), closed: isClosed() }
    },
    async close() {
      for (const socket of peers) socket.destroy()
      await drain(server, 0)
    },
  }
}

/** Status of each answer in a text, in order. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

/**
 * HTTPS between a client and an API server, that can be told to fail: answers of its own, lines put into
 * watches, bytes held back. Without orders it passes on what it gets, and counts it.
 */
import type http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'

export interface Seen {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly isWatch: boolean
  readonly authorization: string | undefined
  readonly contentType: string | undefined
  readonly body: string
}

/** An answer in place of the server's. */
export interface OwnAnswer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as a watch is: lines, and then the end. */
  readonly lines?: readonly string[]
}

/** What to do with a request: pass it on, answer, cut its connection, or let it wait for ever. */
export type Order = 'pass' | 'cut' | 'hang' | OwnAnswer

export interface ApiProxy {
  readonly port: number
  readonly url: string
  /** The root of its certificate, PEM. */
  readonly ca: string
  readonly seen: readonly Seen[]
  /** Asked for each request; the default passes it on. */
  order(decide: (seen: Seen) => Order): void
  /** Puts this into every open watch, between two lines of the server's. */
  inject(text: string): void
  /** Open watches get nothing any more and stay open (half-open); new ones are fine. */
  freeze(): void
  /** Ends open watches in order, or breaks them. */
  endWatches(how: 'end' | 'break'): void
  watches(): number
  close(): Promise<void>
}

/** `upstream` absent: every request needs an order with an answer. */
export async function startApiProxy(
  options: {
    readonly upstream?: { readonly url: string; readonly ca: string }
    /** Of its certificate, from now. */
    readonly days?: number
    readonly now?: Date
  } = {},
): Promise<ApiProxy> {
  const { upstream, days, now } = options
  const root = issueRoot(now === undefined ? {} : { now })
  const serving = issueServing({
    root,
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    ...(days === undefined ? {} : { days }),
    ...(now === undefined ? {} : { now }),
  })
  const agent = new https.Agent({ keepAlive: true, ...(upstream ? { ca: upstream.ca } : {}) })
  const seen: Seen[] = []
  /** Watches whose head has been sent. */
  const open = new Map<http.ServerResponse, { isFrozen: boolean }>()
  const begin = (response: http.ServerResponse): void => {
    response.flushHeaders()
    if (!response.req.url?.includes('watch=true')) return
    open.set(response, { isFrozen: false })
    response.on('close', () => open.delete(response))
  }
  let decide: (seen: Seen) => Order = () => 'pass'

  const pass = (
    request: http.IncomingMessage,
    body: string,
    response: http.ServerResponse,
  ): void => {
    if (upstream === undefined) {
      response.writeHead(500).end('no order for this request')
      return
    }
    const headers = { ...request.headers, host: new URL(upstream.url).host }
    const onward = https.request(new URL(request.url ?? '', upstream.url), {
      method: request.method,
      headers,
      agent,
    })
    onward.on('error', () => response.destroy())
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      begin(response)
      answer.on('data', (chunk: Buffer) => {
        if (open.get(response)?.isFrozen !== true && !response.writableEnded) response.write(chunk)
      })
      answer.on('end', () => {
        if (open.get(response)?.isFrozen !== true) response.end()
      })
      answer.on('error', () => response.destroy())
    })
    response.on('close', () => onward.destroy())
    onward.end(body)
  }

  const answer = (own: OwnAnswer, response: http.ServerResponse): void => {
    response.writeHead(own.status, { 'content-type': 'application/json', ...own.headers })
    if (own.lines === undefined) {
      response.end(typeof own.body === 'string' ? own.body : JSON.stringify(own.body ?? {}))
      return
    }
    begin(response)
    for (const line of own.lines) response.write(line + '\n')
  }

  const server = https.createServer(
    { cert: serving.certificate, key: serving.privateKey },
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('error', () => undefined)
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const path = request.url ?? ''
        const body = Buffer.concat(chunks).toString()
        const what: Seen = {
          method: request.method ?? '',
          path,
          isWatch: new URL(path, 'https://a').searchParams.get('watch') === 'true',
          authorization: request.headers.authorization,
          contentType: request.headers['content-type'],
          body,
        }
        seen.push(what)
        const order = decide(what)
        if (order === 'pass') pass(request, body, response)
        else if (order === 'cut') request.socket.destroy()
        else if (order !== 'hang') answer(order, response)
      })
    },
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    ca: root.certificate,
    seen,
    order(next) {
      decide = next
    },
    inject(text) {
      for (const response of open.keys()) if (!response.writableEnded) response.write(text)
    },
    freeze() {
      for (const state of open.values()) state.isFrozen = true
    },
    endWatches(how) {
      for (const response of open.keys()) {
        if (how === 'end') response.end()
        else response.socket?.destroy()
      }
    },
    watches: () => open.size,
    close: () =>
      new Promise((resolve) => {
        agent.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

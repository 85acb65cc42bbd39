import http from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a tapped app received in its last request. */
export interface Seen {
  readonly token: string | undefined
  /** The sidecar's handle in `tracestate`. */
  readonly handle: string | undefined
}

export interface Tap {
  readonly port: number
  /** Of the last request with this method and path. */
  seen(call: string): Seen | undefined
  close(): void
}

/**
 * Listens in between a sidecar and its app and passes everything on, so that the demo can show, and
 * steal, what really arrived there.
 */
export async function openTap(appPort: number): Promise<Tap> {
  const last = new Map<string, Seen>()
  const server = http.createServer((request, response) => {
    const { authorization, tracestate } = request.headers
    last.set(`${request.method} ${request.url}`, {
      token: authorization?.replace(/^Bearer /i, ''),
      handle: /(?:^|,)\s*tokenward=([^,\s]+)/.exec(String(tracestate ?? ''))?.[1],
    })
    const onward = http.request(
      {
        host: '127.0.0.1',
        port: appPort,
        method: request.method,
        path: request.url,
        headers: request.headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen: (call) => last.get(call),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

import http, { type Server } from 'node:http'
import type { Metrics } from '../telemetry/metrics.ts'

/** The admin port: `/healthz` (the process answers), `/readyz` (it can do its work), `/metrics`. */
export function createAdmin(options: {
  readonly isReady: () => boolean
  /** What `/readyz` says while it is not. */
  readonly notReady: string
  readonly metrics: Metrics
}): Server {
  const { isReady, notReady, metrics } = options
  return http.createServer((request, response) => {
    const answer = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
      response.end(text)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') answer(405, 'GET only\n')
    else if (request.url === '/healthz') answer(200, 'ok\n')
    else if (request.url === '/readyz') {
      if (isReady()) answer(200, 'ready\n')
      else answer(503, `${notReady}\n`)
    } else if (request.url === '/metrics') {
      metrics.text().then(
        (text) => answer(200, text, metrics.contentType),
        () => answer(500, 'metrics cannot be collected\n'),
      )
    } else answer(404, 'not found\n')
  })
}

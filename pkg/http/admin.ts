import http, { type Server } from 'node:http'
import type { Metrics } from '../telemetry/metrics.ts'

export interface AdminOptions {
  /** Whether the process can do its work. */
  readonly isReady: () => boolean
  /** What `/readyz` says while it is not. */
  readonly notReady: string | (() => string)
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
  /** More pages by path: an object that is shown as JSON, or undefined while there is none. */
  readonly pages?: Readonly<Record<string, () => object | undefined>>
}

const plain = 'text/plain; charset=utf-8'

/** `/healthz` (the process answers), `/readyz`, `/metrics` and what else a process shows of itself. */
export function createAdmin(options: AdminOptions): Server {
  const { isReady, metrics, pages = {} } = options
  const notReady = (): string =>
    typeof options.notReady === 'string' ? options.notReady : options.notReady()
  return http.createServer((request, response) => {
    const answer = (status: number, text: string, type = plain): void => {
      response.writeHead(status, {
        'content-type': type,
        'content-length': Buffer.byteLength(text),
        'cache-control': 'no-store',
      })
      response.end(text)
    }
    const path = request.url?.split('?', 1)[0] ?? ''
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      answer(405, 'method not allowed\n')
    } else if (path === '/healthz') answer(200, 'ok\n')
    else if (path === '/readyz') {
      if (isReady()) answer(200, 'ready\n')
      else answer(503, `${notReady()}\n`)
    } else if (path === '/metrics') {
      metrics.text().then(
        (text) => answer(200, text, metrics.contentType),
        () => answer(500, 'metrics cannot be collected\n'),
      )
    } else if (page !== undefined) {
      const shown = page()
      if (shown === undefined) answer(503, `${notReady()}\n`)
      else answer(200, `${JSON.stringify(shown, null, 2)}\n`, 'application/json')
    } else answer(404, 'not found\n')
  })
}

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Metrics } from '../telemetry/metrics.ts'
import type { WorkloadPolicy } from '../policy/workload-policy.ts'

export interface AdminOptions {
  /** A policy is applied and every listener is open. */
  readonly ready: () => boolean
  readonly policy: () => PolicyView | undefined
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>
}

/** What `GET /policy` shows. No section of a sidecar holds a secret. */
export interface PolicyView {
  readonly connected: boolean
  readonly ageSeconds: number
  readonly revision: unknown
  readonly hashes: Readonly<Record<string, string>>
  readonly sections: WorkloadPolicy
}

/** `/healthz`, `/readyz`, `/metrics` and `/policy`, for the machine itself: bind it to loopback. */
export function createAdmin(options: AdminOptions): Server {
  const { ready, policy, metrics } = options
  return createServer((request, response) => {
    const path = request.url?.split('?', 1)[0]
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      answer(response, 405, 'text/plain', 'method not allowed\n')
    } else if (path === '/healthz') answer(response, 200, 'text/plain', 'ok\n')
    else if (path === '/readyz') {
      if (ready()) answer(response, 200, 'text/plain', 'ready\n')
      else answer(response, 503, 'text/plain', 'no policy yet\n')
    } else if (path === '/metrics') {
      metrics.text().then(
        (text) => answer(response, 200, metrics.contentType, text),
        () => answer(response, 500, 'text/plain', 'metrics cannot be collected\n'),
      )
    } else if (path === '/policy') {
      const view = policy()
      if (view === undefined) answer(response, 503, 'text/plain', 'no policy yet\n')
      else answer(response, 200, 'application/json', `${JSON.stringify(view, null, 2)}\n`)
    } else answer(response, 404, 'text/plain', 'not found\n')
  })
}

function answer(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  })
  response.end(text)
}

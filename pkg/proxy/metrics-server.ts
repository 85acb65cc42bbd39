import http, { type Server } from 'node:http'
import type { Metrics } from '../telemetry/metrics.ts'

const requestMs = 5_000
const connections = 64

/** `/metrics` and nothing else, for whoever scrapes the pod: no label holds an identity. */
export function createMetricsServer(metrics: Pick<Metrics, 'text' | 'contentType'>): Server {
  const server = http.createServer(
    { headersTimeout: requestMs, requestTimeout: requestMs },
    (request, response) => {
      if (request.url !== '/metrics' || request.method !== 'GET') {
        response.writeHead(404, { 'content-length': 0 }).end()
        return
      }
      metrics.text().then(
        (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
        () => response.writeHead(500, { 'content-length': 0 }).end(),
      )
    },
  )
  server.maxConnections = connections
  return server
}

/**
 * Preloaded into an app of the shop (`node --import`), so that the run can show, and steal, what really
 * arrived there: the last token and handle of each call, read through an abstract socket of the pod.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import net from 'node:net'

const last: Record<string, object> = {}

subscribe('http.server.request.start', (message) => {
  const { request } = message as { readonly request: IncomingMessage }
  const { authorization, tracestate } = request.headers
  last[`${request.method} ${request.url}`] = {
    token: authorization?.replace(/^Bearer /i, ''),
    handle: /(?:^|,)\s*tokenward=([^,\s]+)/.exec(String(tracestate ?? ''))?.[1],
    headers: request.headers,
  }
})
net
  .createServer((socket) => socket.end(JSON.stringify(last)))
  // Another process of this app is the one that is asked.
  .on('error', () => undefined)
  .listen('\0tokenward-tap')
  .unref()

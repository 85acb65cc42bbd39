import http, { type IncomingMessage } from 'node:http'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Answers one request; `id` is what stood for `:id` in the path. */
export type Handler = (
  request: IncomingMessage,
  call: { readonly id: string; readonly body: unknown },
) => Answer | Promise<Answer>

/** Serves `METHOD /path` or `METHOD /path/:id` as JSON on the host (loopback) and port of the environment. */
export function serve(routes: Readonly<Record<string, Handler>>): void {
  const server = http.createServer((request, response) => {
    answer(routes, request).then(
      ({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(`${JSON.stringify(body)}\n`)
      },
      (error: unknown) => {
        console.error(error)
        response.writeHead(500).end()
      },
    )
  })
  server.listen(Number(process.env['PORT']), process.env['HOST'] ?? '127.0.0.1')
  process.once('SIGTERM', () => {
    server.close()
    // Requests that are under way get their answers first.
    setInterval(() => server.closeIdleConnections(), 50).unref()
  })
}

async function answer(
  routes: Readonly<Record<string, Handler>>,
  request: IncomingMessage,
): Promise<Answer> {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const cut = path.lastIndexOf('/') + 1
  const exact = routes[`${request.method} ${path}`]
  const handler = exact ?? routes[`${request.method} ${path.slice(0, cut)}:id`]
  if (handler === undefined) return { status: 404, body: { error: 'there is nothing here' } }
  let text = ''
  for await (const chunk of request) text += String(chunk)
  try {
    return await handler(request, {
      id: path.slice(cut),
      body: text === '' ? {} : (JSON.parse(text) as unknown),
    })
  } catch (error) {
    if (error instanceof SyntaxError) return { status: 400, body: { error: 'that is not JSON' } }
    throw error
  }
}

/**
 * Calls another service while `request` is served. W3C trace context is passed on, as any
 * instrumented app does; nothing here knows of tokens.
 */
export async function call(
  request: IncomingMessage,
  method: string,
  url: string,
  body?: unknown,
): Promise<Answer> {
  const headers = new Headers({ 'content-type': 'application/json' })
  for (const name of ['traceparent', 'tracestate']) {
    const value = request.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  const answer = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? {} : (JSON.parse(text) as unknown) }
}

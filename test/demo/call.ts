import http from 'node:http'

export interface Answer {
  readonly status: number
  /** Of a refusal; empty otherwise. */
  readonly reason: string
  readonly body: unknown
}

export interface Call {
  readonly method: string
  readonly url: string
  readonly token?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Through this proxy, as an app does. */
  readonly proxy?: string
}

/** One real HTTP request on a connection of its own; the target is sent as it is written. */
export function send({ method, url, token, headers, body, proxy }: Call): Promise<Answer> {
  const [, authority = '', path = '/'] = /^http:\/\/([^/]+)(.*)$/.exec(url) ?? []
  const { hostname, port } = new URL(proxy ?? `http://${authority}`)
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        agent: false,
        host: hostname,
        port: Number(port),
        method,
        path: proxy === undefined ? path : url,
        headers: {
          host: authority,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        timeout: 15_000,
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('error', reject)
        response.on('end', () => {
          const value = parse(text)
          const reason = (value as { reason?: unknown } | undefined)?.reason
          resolve({
            status: response.statusCode ?? 0,
            reason: typeof reason === 'string' ? reason : '',
            body: value,
          })
        })
      },
    )
    request.on('timeout', () => request.destroy(new Error(`${method} ${url} has no answer`)))
    request.on('error', reject)
    request.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

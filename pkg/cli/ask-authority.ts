import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { StartError } from '../refusal/exit-codes.ts'

export interface HttpAnswer {
  readonly status: number
  readonly text: string
}

const timeoutMs = 10_000
const maxBytes = 256 * 1024

/** Posts a form to the token endpoint of the authority. Throws StartError where nobody answers. */
export function postForm(url: string, body: string, rootFile: string): Promise<HttpAnswer> {
  return send(
    https.request(`${url}/token`, {
      method: 'POST',
      ca: readFileSync(rootFile),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      timeout: timeoutMs,
    }),
    `the authority at ${url}`,
    body,
  )
}

/** Gets a document. Throws StartError where nobody answers. */
export function get(url: string): Promise<HttpAnswer> {
  const module = url.startsWith('https:') ? https : http
  return send(module.request(url, { timeout: timeoutMs }), new URL(url).origin)
}

function send(request: http.ClientRequest, whom: string, body?: string): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer'
      const message = `${whom} does not answer (${code}): is \`tokenward local\` running?`
      reject(new StartError('notReady', message, error))
    }
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', fail)
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > maxBytes) request.destroy(new Error('the answer is too large'))
      })
      response.on('error', fail)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.end(body)
  })
}

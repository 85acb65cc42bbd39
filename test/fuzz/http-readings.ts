import { createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { ChunkDecoder } from '../../pkg/http/http1/chunked.ts'
import { messageLimits } from '../../pkg/http/http1/limits.ts'
import type { Mode, RequestHead } from '../../pkg/http/http1/message.ts'
import { readRequestHead } from '../../pkg/http/http1/request.ts'
import { Refusal } from '../../pkg/refusal/refusal.ts'

/** One message as a parser understood it. */
export interface Reading {
  readonly method: string
  readonly minor: number
  /** Path and query; of the absolute-form too. */
  readonly path: string
  readonly host: string
  readonly fields: readonly string[]
  /** Names that `Connection` lists. */
  readonly listed: readonly string[]
  readonly body: string
  readonly trailers: readonly string[]
  /** The body ended as framed. */
  readonly whole: boolean
}

/** What the parser takes out of the fields, and forbidden trailers that are not there to compare. */
const taken = new Set(
  (
    'host connection content-length transfer-encoding expect te keep-alive upgrade proxy-connection ' +
    'proxy-authorization proxy-authenticate proxy-authentication-info http2-settings'
  ).split(' '),
)

/** The flat fields without those that are about connection and framing. */
export function kept(flat: readonly string[]): string[] {
  return flat.filter((_, at) => !taken.has((flat[at - (at % 2)] ?? '').toLowerCase()))
}

export interface Accepted {
  readonly readings: readonly Reading[]
  /** The bytes that were accepted: without what was refused after them. */
  readonly bytes: Buffer
}

/** Our parser over the bytes of one connection, up to the first refusal, unfinished head or close. */
export function ours(bytes: Buffer, mode: Mode = 'forward-proxy'): Accepted {
  const readings: Reading[] = []
  let at = 0
  try {
    while (at < bytes.length) {
      const rest = bytes.subarray(at)
      const text = rest.toString('latin1')
      const start = text.startsWith('\r\n') ? 2 : 0
      const end = text.indexOf('\r\n\r\n', start)
      if (end === -1) break
      const { fields } = messageLimits
      const head = readRequestHead({ bytes: rest, text, end, fields, mode }, start)
      at += end + 4
      const body = readBody(head, bytes, at)
      readings.push(readingOf(head, body))
      at = body.at
      if (!body.whole || !head.keepAlive || head.upgrade) break
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
  return { readings, bytes: bytes.subarray(0, at) }
}

interface Body {
  at: number
  text: string
  trailers: readonly string[]
  whole: boolean
}

function readBody(head: RequestHead, bytes: Buffer, start: number): Body {
  if (head.body !== 'chunked') {
    const length = head.body === 'none' ? 0 : head.body
    const at = Math.min(bytes.length, start + length)
    const text = bytes.toString('latin1', start, at)
    return { at, text, trailers: [], whole: text.length === length }
  }
  const chunks = new ChunkDecoder(messageLimits)
  const body: Body = { at: start, text: '', trailers: [], whole: false }
  try {
    while (body.at < bytes.length && !chunks.done) {
      body.at = chunks.push(bytes, body.at, bytes.length)
      body.text += bytes.toString('latin1', chunks.from, chunks.to)
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { at: start, text: '', trailers: [], whole: false }
  }
  if (!chunks.done) body.at = start
  return { ...body, trailers: chunks.trailers, whole: chunks.done }
}

function readingOf(head: RequestHead, body: Body): Reading {
  return {
    method: head.method,
    minor: head.minor,
    path: head.path + head.query,
    host: head.authority,
    fields: head.fields,
    listed: head.listed,
    body: body.text,
    trailers: body.trailers,
    whole: body.whole,
  }
}

/** Node's own strict parser (llhttp) over the same bytes, by way of a real `node:http` server. */
export function createNodeReader(): (bytes: Buffer) => Promise<Reading[]> {
  let current: { request: IncomingMessage; body: string; whole: boolean }[] = []
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: 128 * 1024,
    connectionsCheckingInterval: 2 ** 30,
    requestTimeout: 0,
    headersTimeout: 0,
  })
  server.on('request', (request, response) => {
    const entry = { request, body: '', whole: false }
    current.push(entry)
    request.on('data', (data: Buffer) => (entry.body += data.toString('latin1')))
    request.on('end', () => (entry.whole = request.complete))
    request.on('error', () => undefined)
    response.end()
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  return async (bytes) => {
    current = []
    const mine = current
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    socket.on('error', () => undefined)
    server.emit('connection', socket)
    socket.push(bytes)
    await setImmediate()
    await setImmediate()
    const readings = mine.map(({ request, body, whole }) => ({
      method: request.method ?? '',
      minor: request.httpVersionMinor,
      path: originForm(request),
      host: hostOf(request),
      fields: kept(request.rawHeaders),
      listed: [],
      body,
      trailers: request.rawTrailers,
      whole,
    }))
    socket.destroy()
    return readings
  }
}

function originForm(request: IncomingMessage): string {
  const url = request.url ?? ''
  const found = /^http:\/\/[^/?]*(.*)$/is.exec(url)
  if (found === null) return url
  const rest = found[1] ?? ''
  if (rest === '') return request.method === 'OPTIONS' ? '*' : '/'
  return rest.startsWith('/') ? rest : `/${rest}`
}

function hostOf(request: IncomingMessage): string {
  const found = /^http:\/\/([^/?]*)/i.exec(request.url ?? '')
  return (request.headers.host ?? found?.[1] ?? '').toLowerCase()
}

/** A sentence about the first difference that matters, or null: whatever we accept, Node reads the same. */
export function difference(mine: readonly Reading[], nodes: readonly Reading[]): string | null {
  if (mine.length !== nodes.length) return `${mine.length} messages here, ${nodes.length} there`
  for (const [index, reading] of mine.entries()) {
    const other = nodes[index]
    if (other === undefined) continue
    for (const name of ['method', 'minor', 'path', 'host', 'whole'] as const) {
      if (reading[name] !== other[name]) {
        return `message ${index}: ${name} ${reading[name]} here, ${other[name]} there`
      }
    }
    for (const name of ['fields', 'body'] as const) {
      const [here, there] = [JSON.stringify(reading[name]), JSON.stringify(other[name])]
      const comparable = name === 'fields' || reading.whole
      if (comparable && here !== there) {
        return `message ${index}: ${name} ${here} here, ${there} there`
      }
    }
    if (reading.whole && !isPart(reading.trailers, other.trailers)) {
      return `message ${index}: trailers ${reading.trailers.join()} here, ${other.trailers.join()} there`
    }
  }
  return null
}

/** Ours are Node's in order, some left out on purpose. */
function isPart(part: readonly string[], all: readonly string[]): boolean {
  let at = 0
  for (let index = 0; index + 1 < all.length && at < part.length; index += 2) {
    if (all[index] === part[at] && all[index + 1] === part[at + 1]) at += 2
  }
  return at >= part.length
}

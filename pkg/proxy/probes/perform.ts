import http, { type IncomingMessage } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { connect } from 'node:net'
import { formatAddress, type Address } from '../../http/address.ts'
import type { HttpGet, Probe } from './probe.ts'

const maxRedirects = 10

/** Gives where a port of the app is dialled. */
export type AddressOf = (port: number) => Address

/**
 * Makes a probe as the kubelet does: HTTP is well with 200 to 399, TCP once connected, gRPC when the health
 * service says SERVING. Never throws: false in time, whatever happens.
 */
export async function performProbe(probe: Probe, addressOf: AddressOf): Promise<boolean> {
  const signal = AbortSignal.timeout(probe.timeoutSeconds * 1_000)
  try {
    if (probe.httpGet !== undefined) return await get(probe.httpGet, addressOf, signal)
    if (probe.tcpSocket !== undefined) {
      return await isOpen(addressOf(probe.tcpSocket.port), signal)
    }
    if (probe.grpc === undefined) return false
    const { port, service = '' } = probe.grpc
    return await isServing(addressOf(port), service, signal)
  } catch {
    return false
  }
}

async function get(probe: HttpGet, addressOf: AddressOf, signal: AbortSignal): Promise<boolean> {
  const { host, port } = addressOf(probe.port)
  const given = new Map<string, string[]>()
  for (const { name, value } of probe.httpHeaders) {
    const key = name.toLowerCase()
    given.set(key, [...(given.get(key) ?? []), value])
  }
  const headers = {
    'user-agent': 'kube-probe/1',
    accept: '*/*',
    connection: 'close',
    ...Object.fromEntries(given),
  }
  // A probe may name its Host once; Node takes one text.
  const [named] = given.get('host') ?? []
  const first = new URL(`${probe.scheme.toLowerCase()}://${formatAddress({ host, port })}`)
  let url = new URL(probe.path, first)
  // `//elsewhere/` in a path is a path.
  if (url.host !== first.host) url = new URL(`${first.origin}${probe.path}`)
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const host = redirects === 0 && named !== undefined ? named : url.host
    const { status, location } = await fetchOnce(url, { ...headers, host }, signal)
    if (status < 200 || status >= 400) return false
    if (status < 300 || location === undefined || !URL.canParse(location, url)) return true
    const next = new URL(location, url)
    const goesElsewhere = next.hostname !== url.hostname || !/^https?:$/.test(next.protocol)
    // As the kubelet: an app that sends people elsewhere is well.
    if (goesElsewhere) return true
    url = next
  }
  return false
}

interface Fetched {
  readonly status: number
  readonly location: string | undefined
}

function fetchOnce(
  url: URL,
  headers: Readonly<Record<string, string | string[]>>,
  signal: AbortSignal,
): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const done = (response: IncomingMessage): void => {
      const { statusCode: status = 0, headers: answered } = response
      resolve({ status, location: answered.location })
      response.destroy()
    }
    const options = { headers, signal, agent: false as const }
    const request =
      url.protocol === 'https:'
        ? // The kubelet looks at no certificate either; only the status is told on.
          https.get(url, { ...options, rejectUnauthorized: false }, done)
        : http.get(url, options, done)
    request.on('error', reject)
  })
}

function isOpen({ host, port }: Address, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (isThere: boolean) => (): void => {
      signal.removeEventListener('abort', late)
      socket.destroy()
      resolve(isThere)
    }
    const late = end(false)
    signal.addEventListener('abort', late)
    socket.on('connect', end(true))
    socket.on('error', end(false))
  })
}

const serving = 1

/** `grpc.health.v1.Health/Check` (one string in, one enumeration out; field 1 of each). */
function isServing(address: Address, service: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const session = http2.connect(`http://${formatAddress(address)}`)
    const end = (isWell: boolean): void => {
      signal.removeEventListener('abort', late)
      session.destroy()
      resolve(isWell)
    }
    const late = (): void => end(false)
    signal.addEventListener('abort', late)
    session.on('error', late)
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': 'kube-probe/1',
      te: 'trailers',
    })
    let message = Buffer.alloc(0)
    let status: unknown
    stream.on('error', late)
    stream.on('response', (headers) => (status = headers['grpc-status']))
    stream.on('trailers', (headers) => (status = headers['grpc-status']))
    stream.on('data', (bytes: Buffer) => {
      message = Buffer.concat([message, bytes])
      if (message.length > 4_096) late()
    })
    stream.on('close', () => end(String(status) === '0' && readStatus(message) === serving))
    stream.end(checkRequest(service))
  })
}

function checkRequest(service: string): Buffer {
  const name = Buffer.from(service)
  const body =
    name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name])
  const head = Buffer.alloc(5)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)]
}

/** The status of one message that is not compressed; undefined where it has none. */
function readStatus(message: Buffer): number | undefined {
  if (message.length < 5 || message[0] !== 0) return undefined
  const body = message.subarray(5, 5 + message.readUInt32BE(1))
  return body[0] === 0x08 ? body[1] : undefined
}

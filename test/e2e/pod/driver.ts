/**
 * Runs inside a pod, as one of the app's own processes would, and does what it reads from stdin: a line
 * of JSON per command, a line of JSON per answer. It is sent as text, so it imports nothing of ours.
 */
import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'

interface Call {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** By the proxy of the environment, as an app in explicit mode is told to. */
  readonly proxy?: boolean
  readonly timeoutMs?: number
}

interface Answer {
  readonly status: number
  readonly reason: string
  readonly body?: unknown
  readonly ms: number
}

type Command = { readonly id: number } & (
  | { readonly op: 'call'; readonly call: Call }
  | { readonly op: 'repeat'; readonly call: Call; readonly times: number }
  | { readonly op: 'watch'; readonly call: Call; readonly everyMs: number }
  | { readonly op: 'load'; readonly call: Call; readonly everyMs: number }
  | { readonly op: 'stop' }
  | { readonly op: 'dial'; readonly host: string; readonly port: number; readonly text: string }
  | { readonly op: 'serve'; readonly host: string; readonly port: number }
  | { readonly op: 'seen' }
)

const agents = {
  http: new http.Agent({ keepAlive: true }),
  https: new https.Agent({ keepAlive: true, rejectUnauthorized: false }),
}

/** One request; status 0 and the error's code where there was no answer. */
function send(call: Call, keepAlive: boolean): Promise<Answer> {
  const started = performance.now()
  const { method, headers, body, proxy, timeoutMs = 15_000 } = call
  // By hand: what is written is what is asked for, whatever a URL parser would make of it.
  const [, scheme = 'http', authority = '', path = '/'] =
    /^(https?):\/\/([^/]+)(.*)$/.exec(call.url) ?? []
  const via = proxy === true ? process.env['http_proxy'] : undefined
  const { hostname, port } = new URL(via ?? `${scheme}://${authority}`)
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const secure = scheme === 'https'
  return new Promise((resolve) => {
    const end = (status: number, reason: string, value?: unknown): void => {
      resolve({ status, reason, body: value, ms: performance.now() - started })
    }
    const request = (secure ? https : http).request({
      agent: keepAlive ? agents[secure ? 'https' : 'http'] : false,
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (secure ? 443 : 80) : Number(port),
      method,
      path: via === undefined ? path || '/' : call.url,
      headers: {
        host: authority,
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...headers,
      },
      timeout: timeoutMs,
      ...(secure ? { rejectUnauthorized: false } : {}),
    })
    request.on('response', (response) => {
      let got = ''
      response.on('data', (chunk: Buffer) => (got += chunk.toString()))
      response.on('error', (error: NodeJS.ErrnoException) => end(0, error.code ?? error.message))
      response.on('end', () => {
        const value = parse(got)
        const reason = (value as { reason?: unknown } | undefined)?.reason
        end(response.statusCode ?? 0, typeof reason === 'string' ? reason : '', value)
      })
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', (error: NodeJS.ErrnoException) => end(0, error.code ?? error.message))
    request.end(text)
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** What became of a plain TCP connection: `refused`, `closed` without a byte, `silent`, or what was said. */
function dial(host: string, port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port })
    let got = ''
    let connected = false
    const end = (what: string): void => {
      resolve(what)
      socket.destroy()
    }
    socket.setTimeout(3_000, () => end(connected ? 'silent' : 'no answer'))
    socket.on('connect', () => {
      connected = true
      if (text !== '') socket.write(text)
    })
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1')
      end(got.split('\r\n', 1)[0] ?? '')
    })
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(
        error.code === 'ECONNREFUSED'
          ? 'refused'
          : connected || error.code === 'ECONNRESET'
            ? 'closed'
            : String(error.code),
      ),
    )
    socket.on('close', () => end('closed'))
  })
}

const seen: { readonly url: string; readonly headers: IncomingHttpHeaders }[] = []

/** Listens as an app may, at whatever address and port; says what it heard. */
function serve(host: string, port: number): Promise<string> {
  const server = http.createServer((request, response) => {
    seen.push({ url: request.url ?? '', headers: request.headers })
    response.setHeader('content-type', 'application/json')
    response.end('{"served":true}')
  })
  return new Promise((resolve) => {
    server.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
    server.listen(port, host, () => resolve('listening'))
  })
}

let stopped = false

interface Outcome {
  readonly count: number
  readonly statuses: Readonly<Record<string, number>>
  readonly longestMs: number
}

/** Calls at a steady pace until `stop`; overlapping where answers are slow. */
async function load(call: Call, everyMs: number): Promise<Outcome> {
  stopped = false
  const statuses: Record<string, number> = {}
  let count = 0
  let longestMs = 0
  const under = new Set<Promise<void>>()
  const next = async (): Promise<void> => {
    const { status, reason, ms } = await send(call, true)
    const word = `${status} ${reason}`.trim()
    statuses[word] = (statuses[word] ?? 0) + 1
    longestMs = Math.max(longestMs, ms)
    count += 1
  }
  while (!(stopped as boolean)) {
    const one = next().finally(() => under.delete(one))
    under.add(one)
    await sleep(everyMs)
  }
  await Promise.all(under)
  return { count, statuses, longestMs }
}

/** Calls one after the other until `stop`; a line for every answer that differs from the last. */
async function watch(id: number, call: Call, everyMs: number): Promise<string> {
  stopped = false
  let last = ''
  while (!(stopped as boolean)) {
    const { status, reason } = await send(call, true)
    const now = `${status} ${reason}`.trim()
    if (now !== last) say({ id, changed: now })
    last = now
    await sleep(everyMs)
  }
  return last
}

async function repeat(call: Call, times: number): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let count = 0; count < times; count += 1) answers.push(await send(call, true))
  return answers
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** What the app's tap has seen: it listens on an abstract socket of this pod's network. */
function tapped(): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = ''
    net
      .connect('\0tokenward-tap')
      .on('data', (chunk) => (text += chunk.toString()))
      .on('end', () => resolve(JSON.parse(text)))
      .on('error', reject)
  })
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function act(command: Command): Promise<unknown> {
  switch (command.op) {
    case 'call':
      return send(command.call, false)
    case 'repeat':
      return repeat(command.call, command.times)
    case 'watch':
      return watch(command.id, command.call, command.everyMs)
    case 'load':
      return load(command.call, command.everyMs)
    case 'stop':
      stopped = true
      return true
    case 'dial':
      return dial(command.host, command.port, command.text)
    case 'serve':
      return serve(command.host, command.port)
    case 'seen':
      return { served: seen.splice(0), tapped: await tapped().catch(() => ({})) }
    default:
      throw new Error('unknown command')
  }
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line) as Command
    act(command).then(
      (value) => say({ id: command.id, value }),
      (error: unknown) => say({ id: command.id, error: String(error) }),
    )
  })
  .on('close', () => process.exit(0))
say({ id: 0, value: 'ready' })

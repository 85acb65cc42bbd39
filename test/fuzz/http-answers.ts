import { request, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { ChunkDecoder } from '../../pkg/http/http1/chunked.ts'
import { messageLimits } from '../../pkg/http/http1/limits.ts'
import { readResponseHead, without } from '../../pkg/http/http1/response.ts'
import { Refusal } from '../../pkg/refusal/refusal.ts'
import { mutate, type Random } from './http-grammar.ts'
import { kept } from './http-readings.ts'

/** A final answer as a parser understood it. */
export interface AnswerReading {
  readonly status: number
  readonly fields: readonly string[]
  readonly body: string
}

const status = [
  '200 OK',
  '204 No Content',
  '304 Not Modified',
  '404',
  '500 ',
  '200 O K',
  '413 \xe9',
  '999 x',
  '099 x',
  '20 OK',
]
const lines = [
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'content-length: 5 \r\n',
  'Content-Length: 5, 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'transfer-encoding:\tChunked\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Keep-Alive: timeout=5\r\n',
  'Set-Cookie: a=b\r\n',
  'X-A: \t b \r\n',
  '__proto__: 1\r\n',
  'X-Empty:\r\n',
  'X-A : b\r\n',
  'X-A: b\r\n c\r\n',
  'X-A: b\n',
  'Upgrade: h2c\r\n',
  'Trailer: X-T\r\n',
]
const bodies = [
  'hello',
  '',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n',
  '5\r\nhello\r\n',
  'hel',
  '0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
]

function pick<Item>(random: Random, items: readonly Item[]): Item | string {
  return items[random(items.length)] ?? ''
}

/** The bytes of an upstream connection: perhaps information, then an answer. */
export function answerBytes(random: Random): Buffer {
  let text = random(8) === 0 ? 'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n' : ''
  text += `HTTP/1.${random(6) === 0 ? 0 : 1} ${pick(random, status)}\r\n`
  for (let count = random(4); count > 0; count--) text += pick(random, lines)
  const bytes = Buffer.from(`${text}\r\n${pick(random, bodies)}`, 'latin1')
  return random(3) === 0 ? mutate(random, bytes) : bytes
}

/** Our reading of an answer that ends with the connection, or null where it is refused or not whole. */
export function oursOfAnswer(bytes: Buffer, method: string): AnswerReading | null {
  try {
    let at = 0
    for (;;) {
      const rest = bytes.subarray(at)
      const text = rest.toString('latin1')
      const end = text.indexOf('\r\n\r\n')
      if (end === -1) return null
      const head = readResponseHead(
        { bytes: rest, text, end, fields: messageLimits.fields },
        method,
      )
      at += end + 4
      if (head.status === 101) return null
      if (head.status < 200) continue
      const body = readBody(bytes.subarray(at), head.body)
      return body === null ? null : { status: head.status, fields: head.fields, body }
    }
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}

function readBody(bytes: Buffer, kind: 'none' | 'chunked' | 'close' | number): string | null {
  if (kind === 'none') return ''
  if (kind === 'close') return bytes.toString('latin1')
  if (kind !== 'chunked') return bytes.length < kind ? null : bytes.toString('latin1', 0, kind)
  const chunks = new ChunkDecoder(messageLimits)
  let text = ''
  let at = 0
  while (at < bytes.length && !chunks.done) {
    at = chunks.push(bytes, at, bytes.length)
    text += bytes.toString('latin1', chunks.from, chunks.to)
  }
  return chunks.done ? text : null
}

/** The same by node:http's client; null where it reports an error or no whole answer. */
export async function nodesOfAnswer(bytes: Buffer, method: string): Promise<AnswerReading | null> {
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const asked = request({ method, createConnection: () => socket, insecureHTTPParser: false })
  let answer: IncomingMessage | undefined
  let body = ''
  let ended = false
  asked.on('error', () => undefined)
  asked.on('response', (response) => {
    answer = response
    response.on('error', () => undefined)
    response.on('data', (data: Buffer) => (body += data.toString('latin1')))
    response.on('end', () => (ended = true))
  })
  asked.end()
  socket.push(bytes)
  socket.push(null)
  for (let turn = 0; turn < 6 && !ended; turn++) await setImmediate()
  socket.destroy()
  if (answer === undefined || !ended || !answer.complete) return null
  const fields = without(kept(answer.rawHeaders), listedIn(answer.rawHeaders))
  return { status: answer.statusCode ?? 0, fields, body }
}

/** What Connection lists: ours takes it out. */
function listedIn(flat: readonly string[]): string[] {
  const values = flat.filter(
    (_, at) => at % 2 === 1 && flat[at - 1]?.toLowerCase() === 'connection',
  )
  return values.flatMap((value) => value.toLowerCase().split(/[ \t]*,[ \t]*/))
}

/** A sentence about what we read and node:http does not read so, or null. */
export function answerDifference(mine: AnswerReading, nodes: AnswerReading | null): string | null {
  if (nodes === null) return `accepted here and not by node:http: ${JSON.stringify(mine)}`
  const [here, there] = [JSON.stringify(mine), JSON.stringify(nodes)]
  return here === there ? null : `${here} here, ${there} there`
}

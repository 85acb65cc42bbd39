/**
 * `node test/fuzz/wire.fuzz.ts [seconds] [seed]`: bytes in random pieces through the whole engine to a node:http
 * application. It must get exactly the requests that the parser read, and the engine must answer or close.
 */
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { startWire } from '../support/wire.ts'
import { until } from '../support/until.ts'
import { connectionBytes, mutate, seededRandom } from './http-grammar.ts'
import { kept, ours } from './http-readings.ts'

const seconds = Number(process.argv[2] ?? 60)
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31)
const random = seededRandom(seed)
const got: string[] = []

const wire = await startWire({
  mode: 'forward-proxy',
  limits: { lingerMs: 100 },
  app: (asked, answer) => {
    let body = ''
    asked.on('data', (data: Buffer) => (body += data.toString('latin1')))
    asked.on('error', () => undefined)
    asked.on('end', () => {
      const { method, url, rawHeaders, rawTrailers } = asked
      got.push(
        JSON.stringify([
          method,
          url,
          kept(rawHeaders.slice(0, -2 * added(rawHeaders))),
          body,
          rawTrailers,
        ]),
      )
      answer.end('ok')
    })
  },
})

/** Fields at the end that the engine wrote: ours, framing, TE with its Connection, Expect. */
function added(fields: readonly string[]): number {
  return fields.length / 2 - fields.lastIndexOf('Tokenward-Subject') / 2
}

async function send(bytes: Buffer): Promise<void> {
  const socket = connect({ port: wire.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  let closed = false
  socket.on('error', () => undefined)
  socket.on('close', () => (closed = true))
  socket.on('end', () => socket.end())
  socket.resume()
  for (let at = 0; at < bytes.length;) {
    const to = Math.min(bytes.length, at + 1 + random(random(2) === 0 ? 8 : 400))
    if (!closed) socket.write(bytes.subarray(at, to))
    at = to
    if (random(3) === 0) await setImmediate()
  }
  socket.end()
  await until(`the connection ends: ${JSON.stringify(bytes.toString('latin1'))}`, () => closed)
}

let runs = 0
const endMs = performance.now() + seconds * 1000
while (performance.now() < endMs) {
  const made = connectionBytes(random)
  const bytes = random(2) === 0 ? mutate(random, made) : made
  got.length = 0
  await send(bytes)
  const wanted = ours(bytes)
    .readings.filter((reading) => reading.whole)
    .map(({ method, path, fields, listed, body, trailers }) => {
      const left = fields.filter(
        (_, at) => !listed.includes((fields[at - (at % 2)] ?? '').toLowerCase()),
      )
      return JSON.stringify([method, path, left, body, trailers])
    })
  runs++
  const errors = wire.logged.splice(0)
  if (got.join('\n') === wanted.join('\n') && errors.length === 0) continue
  process.stdout.write(
    `forwarded:\n${got.join('\n')}\nread:\n${wanted.join('\n')}\n${errors.join('')}`,
  )
  process.stdout.write(`${JSON.stringify(bytes.toString('latin1'))}\nseed ${seed}\n`)
  process.exit(1)
}
process.stdout.write(`wire: ${runs} connections, every request forwarded as read (seed ${seed})\n`)
process.exit(0)

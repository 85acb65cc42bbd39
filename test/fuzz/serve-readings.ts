/** The server of room http as a whole: it must hand on what the parser reads, and node:http must read its answers. */
import { setImmediate } from 'node:timers/promises'
import { serveHere, type Peer } from '../support/tls-server.ts'
import { until } from '../support/until.ts'
import { nodesOfAnswer } from './http-answers.ts'
import type { Random } from './http-grammar.ts'
import { ours, type Reading } from './http-readings.ts'

export interface ServeJudge {
  /** A sentence about what differs, or null. */
  judge(bytes: Buffer, random: Random): Promise<string | null>
  /** Requests that were handed on so far. */
  readonly handed: () => number
  close(): Promise<void>
}

const goOn = 'HTTP/1.1 100 Continue\r\n\r\n'

export async function startServeJudge(): Promise<ServeJudge> {
  let got: { readonly method: string; readonly text: string }[] = []
  let handed = 0
  const served = await serveHere(
    (request) => {
      const { method, path, query, fields, body } = request
      got.push({
        method,
        text: textOf(method, path + query, { fields, body: body.toString('latin1') }),
      })
      handed++
      const answer = { status: 200, fields: ['Content-Type', 'text/plain'], body: `of ${method}` }
      return method.length % 2 === 0 ? answer : setImmediate(answer)
    },
    { lingerMs: 100 },
  )
  return {
    handed: () => handed,
    close: () => served.close(),
    async judge(bytes, random) {
      got = []
      const peer = await served.connect()
      await sendInPieces(peer, bytes, random)
      await until(`it ends: ${JSON.stringify(bytes.toString('latin1'))}`, () => peer.isClosed())
      peer.socket.destroy()
      const wanted = wantedOf(bytes)
      // Whether what follows an offer of another protocol had come before the answer is chance.
      const mine = /upgrade/i.test(bytes.toString('latin1')) ? got.slice(0, wanted.length) : got
      const texts = mine.map(({ text }) => text).join('\n')
      if (texts !== wanted.join('\n')) return `handed on:\n${texts}\nread:\n${wanted.join('\n')}`
      if (served.logged.length > 0) return served.logged.splice(0).join('')
      return answersProblem(
        peer.text(),
        got.map(({ method }) => method),
      )
    },
  }
}

/** What the parser reads: whole requests, up to the first of HTTP/1.0, which ends a connection. */
function wantedOf(bytes: Buffer): string[] {
  const whole = ours(bytes, 'reverse').readings.filter((reading) => reading.whole)
  const old = whole.findIndex(({ minor }) => minor === 0)
  return (old === -1 ? whole : whole.slice(0, old + 1)).map((reading) =>
    textOf(reading.method, reading.path, reading),
  )
}

function textOf(
  method: string,
  target: string,
  { fields, body }: Pick<Reading, 'fields' | 'body'>,
): string {
  return JSON.stringify([method, target, fields, body])
}

async function sendInPieces(
  { socket, isClosed }: Peer,
  bytes: Buffer,
  random: Random,
): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const to = Math.min(bytes.length, at + 1 + random(random(2) === 0 ? 8 : 400))
    if (!isClosed()) socket.write(bytes.subarray(at, to))
    at = to
    if (random(3) === 0) await setImmediate()
  }
  socket.end()
}

/** One answer for each request, in order, and perhaps one refusal at the end; node:http reads them all. */
async function answersProblem(text: string, methods: readonly string[]): Promise<string | null> {
  const answers = text.replaceAll(goOn, '').split(/(?=HTTP\/1\.1 )/)
  if (text === '') answers.pop()
  for (const [index, answer] of answers.entries()) {
    // Of what was refused, only the answer tells whether it was HEAD.
    const method = methods[index] ?? (answer.endsWith('\r\n\r\n') ? 'HEAD' : 'GET')
    const read = await nodesOfAnswer(Buffer.from(answer, 'latin1'), method)
    if (read === null) return `node:http does not read answer ${index}: ${JSON.stringify(answer)}`
    const isRefusal = index === methods.length && index === answers.length - 1
    const body = method === 'HEAD' ? '' : `of ${method}`
    const isRight = isRefusal ? read.status === 400 : read.status === 200 && read.body === body
    if (!isRight) return `answer ${index} to ${method} is ${JSON.stringify(read)}`
  }
  return answers.length >= methods.length ? null : `${answers.length} answers to ${methods.join()}`
}

import net from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startLiveSidecar, type LiveSidecar } from '../support/live-sidecar.ts'
import { endPrograms, makePlace, memoryOf, type Place } from '../support/programs.ts'
import { createBytes } from '../support/random-bytes.ts'

let place: Place
let live: LiveSidecar
beforeAll(async () => {
  place = makePlace()
  live = await startLiveSidecar(place)
}, 30_000)
afterAll(async () => {
  await live[Symbol.asyncDispose]()
  endPrograms()
  place[Symbol.dispose]()
})

interface Heard {
  readonly text: string
  /** The other end closed, not we. */
  readonly closed: boolean
}

/** Sends bytes and reads until the other end closes, or for so long. */
function send(port: number, bytes: Buffer | string, withinMs = 3000): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    let text = ''
    const done = (closed: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ text, closed })
    }
    const timer = setTimeout(() => done(false), withinMs)
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('end', () => done(true))
    socket.on('error', () => done(true))
    socket.write(bytes)
  })
}

const get = 'GET / HTTP/1.1\r\n'
const clientHello = Buffer.from('16030100c8010000c40303', 'hex')
/** What is sent, and the status where it is not 400. */
const malformed: readonly (readonly [string, Buffer | string, number?])[] = [
  ['a bare LF', 'GET / HTTP/1.1\nHost: a\n\n'],
  ['obs-fold', `${get}Host: a\r\nX: b\r\n c\r\n\r\n`],
  ['a space before the colon', `${get}Host : a\r\n\r\n`],
  ['two Content-Length', `${get}Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx`],
  ['both framings', `${get}Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ['another coding', `${get}Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n`],
  ['a NUL', `${get}Host: a\r\nX: \0\r\n\r\n`],
  ['no Host', `${get}\r\n`],
  ['two Hosts', `${get}Host: a\r\nHost: a\r\n\r\n`],
  ['another authority', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['CONNECT, inbound', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n'],
  ['101 fields', `${get}Host: a\r\n${'X: y\r\n'.repeat(100)}\r\n`, 431],
  ['a head over 32 KiB', `${get}Host: a\r\nX: ${'y'.repeat(40_000)}\r\n\r\n`, 431],
  ['an endless head', `${get}Host: a\r\n${'X: y\r\n'.repeat(200_000)}`, 431],
  ['HTTP/0.9', 'GET /\r\n\r\n'],
  ['HTTP/3.0', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n', 505],
  [
    'a chunk that is none, inbound',
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
  ],
  ['a TLS hello', Buffer.concat([clientHello, Buffer.alloc(200, 7)])],
  ['an HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 505],
]

const rows = malformed.map(([what, bytes, status = 400]) => ({ what, bytes, status }))

test.each(rows)('$what is refused once, and the connection is closed', async (row) => {
  const { what, bytes, status } = row
  const ports = what.endsWith('inbound') ? [live.port] : [live.port, live.outboundPort]
  for (const port of ports) {
    const { text, closed } = await send(port, bytes)
    expect([text.slice(0, 13), closed]).toEqual([`HTTP/1.1 ${status} `, true])
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
    expect(text).toMatch(/\r\nConnection: close\r\n[^]*"reason":"\w+"/)
  }
  expect(await live.get()).toMatchObject({ status: 200 })
})

test('2,000 random byte strings change nothing but its counters', async () => {
  const random = createBytes(20_261)
  const starts = [
    '',
    get,
    `${get}Host: a\r\n`,
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
  ]
  const { child } = live.program()
  const before = memoryOf(child)
  let sent = 0
  const lane = async (): Promise<void> => {
    while (sent < 2000) {
      sent += 1
      const length = 1 + (random(2).readUInt16BE() % 3000)
      const bytes = Buffer.concat([Buffer.from(starts[sent % 4] ?? ''), random(length)])
      // One that waits for more is left by us.
      await send(sent % 3 === 0 ? live.outboundPort : live.port, bytes, 60)
      if (sent % 100 === 0) expect(await live.get()).toMatchObject({ status: 200 })
    }
  }
  await Promise.all(Array.from({ length: 16 }, lane))
  expect(live.program().child.exitCode).toBeNull()
  expect(await live.get()).toMatchObject({ status: 200, text: 'ok' })
  expect(memoryOf(child) - before).toBeLessThan(40)
  expect(live.program().stderr()).toBe('')
}, 30_000)

test('300 heads that never end hold nobody else up, and cost little', async () => {
  const { child } = live.program()
  const before = memoryOf(child)
  const slow = Array.from({ length: 300 }, () => {
    const socket = net.connect(live.port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(`${get}Host: a\r\nX: `)
    return socket
  })
  for (let turn = 0; turn < 5; turn += 1) {
    for (const socket of slow) socket.write('y')
    expect(await live.get()).toMatchObject({ status: 200 })
  }
  expect(memoryOf(child) - before).toBeLessThan(40)
  for (const socket of slow) socket.destroy()
})

import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { subscribe } from '../../pkg/discovery/subscribe.ts'
import { discoveryPath } from '../../pkg/discovery/wire.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import {
  authorityFacts,
  ca,
  generationOf,
  podToken,
  policyOf,
  quietLog,
  serviceAccounts,
  startDiscovery,
  type TestServer,
} from '../support/discovery.ts'
import {
  endPrograms,
  launch,
  makePlace,
  memoryOf,
  type Place,
  type Program,
} from '../support/programs.ts'
import { createBytes } from '../support/random-bytes.ts'
import { until } from '../support/until.ts'

let place: Place
let controller: Program
let authority: Program
let policies: TestServer
let discoveryUrl = ''
let authorityUrl = ''

async function urlOf({ stdout, stderr }: Program, name: string): Promise<string> {
  const form = new RegExp(`"${name}":"([^"]+)"`)
  await until(`the ${name}`, () => form.test(stdout() + stderr()), 15_000)
  return form.exec(stdout())?.[1] ?? ''
}

beforeAll(async () => {
  place = makePlace()
  controller = launch('controller', place.flags('controller'))
  policies = await startDiscovery()
  const signing = generateSigningKey()
  place.write('discovery', podToken('authority', authorityFacts))
  place.write(
    'signing.json',
    JSON.stringify({ keys: [{ state: 'active', jwk: signing.privateJwk }] }),
  )
  const generation = generationOf(1, { 'orders-0': policyOf({}) })
  policies.index.publish({
    ...generation,
    authority: {
      ...generation.authority,
      keys: { issuer: 'https://127.0.0.1:9', keys: [signing.publicJwk] },
      trust: { bundle: ca(), serviceAccounts },
    },
  })
  authority = launch('authority', place.flags('authority', { controllers: policies.url }))
  discoveryUrl = await urlOf(controller, 'discoveryUrl')
  authorityUrl = await urlOf(authority, 'url')
  const ready = `${await urlOf(authority, 'adminUrl')}/readyz`
  await until('the authority is ready', async () => (await fetch(ready)).status === 200)
}, 30_000)
afterAll(async () => {
  endPrograms()
  await policies[Symbol.asyncDispose]()
  place[Symbol.dispose]()
})

const random = createBytes(7_072_026)
const portOf = (url: string): number => Number(new URL(url).port)

/** Sends bytes as they are, or inside TLS, and leaves when the other end closes or after a moment. */
function send(
  url: string,
  bytes: Buffer | string,
  secure?: tls.ConnectionOptions,
): Promise<string> {
  return new Promise((resolve) => {
    const to = { host: '127.0.0.1', port: portOf(url) }
    const socket = secure === undefined ? net.connect(to) : tls.connect({ ...to, ...secure })
    let text = ''
    const timer = setTimeout(() => socket.destroy(), 80)
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.on(secure === undefined ? 'connect' : 'secureConnect', () => socket.write(bytes))
  })
}

async function inLanes(count: number, turn: () => Promise<unknown>): Promise<void> {
  let done = 0
  const lane = async (): Promise<void> => {
    while (done++ < count) await turn()
  }
  await Promise.all(Array.from({ length: 12 }, lane))
}

describe('the token endpoint', () => {
  const post = (body: Buffer | string, type: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = https.request(
        `${authorityUrl}/token`,
        { method: 'POST', ca: ca(), agent: false, headers: { 'content-type': type } },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  const form = 'application/x-www-form-urlencoded'

  test('answers garbage with a refusal, and goes on', async () => {
    const before = memoryOf(authority.child)
    const statuses = new Set<number>()
    await inLanes(150, async () => {
      const bytes = random(1 + (random(2).readUInt16BE() % 4000))
      statuses.add(await post(bytes, form))
      statuses.add(await post(`grant_type=${encodeURIComponent(bytes.toString('latin1'))}`, form))
      statuses.add(await post(`client_assertion=${bytes.toString('base64url')}.a.b`, form))
    })
    statuses.add(await post('x'.repeat(2_000_000), form))
    statuses.add(await post('{}', 'application/json'))
    expect([...statuses].filter((status) => status < 400 || status > 499)).toEqual([])
    expect(memoryOf(authority.child) - before).toBeLessThan(60)
  })

  test('and its port outlives what is no TLS and no HTTP', async () => {
    await inLanes(200, () => send(authorityUrl, random(1 + (random(1)[0] ?? 0) * 8)))
    await inLanes(200, () => send(authorityUrl, random(1 + (random(1)[0] ?? 0) * 8), { ca: ca() }))
    expect(authority.child.exitCode).toBeNull()
    expect(await post('', form)).toBeGreaterThanOrEqual(400)
    expect(authority.stderr()).toBe('')
  })
})

describe('the discovery port', () => {
  /** A client that means it. */
  async function serves(): Promise<void> {
    const subscription = subscribe<'sidecar'>({
      kind: 'sidecar',
      urls: [discoveryUrl],
      ca: () => place.state.ca,
      token: () => Promise.resolve(place.state.token('orders')),
      apply: () => undefined,
      log: quietLog(),
    })
    await until('a client is served', () => subscription.revision() !== undefined)
    subscription.close()
  }

  test('outlives random bytes, outside of TLS and inside, and random frames', async () => {
    const before = memoryOf(controller.child)
    const inside = { ca: place.state.ca, ALPNProtocols: ['h2'] }
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    const settings = Buffer.from('000000040000000000', 'hex')
    /** A well-formed frame of any type, flags and stream, with a random payload. */
    const frame = (): Buffer => {
      const payload = random(random(1)[0] ?? 0)
      const head = Buffer.from([
        0,
        0,
        payload.length,
        (random(1)[0] ?? 0) % 11,
        ...random(1),
        0,
        0,
        0,
        1,
      ])
      return Buffer.concat([head, payload])
    }
    await inLanes(200, () => send(discoveryUrl, random(1 + (random(1)[0] ?? 0) * 8)))
    await inLanes(100, () => send(discoveryUrl, random(1 + (random(1)[0] ?? 0) * 8), inside))
    await inLanes(200, () =>
      send(discoveryUrl, Buffer.concat([preface, settings, frame(), frame(), frame()]), inside),
    )
    await serves()
    expect(memoryOf(controller.child) - before).toBeLessThan(60)
    expect(controller.child.exitCode).toBeNull()
  })

  test.each([
    ['bytes that are no text', () => random(200)],
    ['lines that are no JSON', () => 'hello\n'],
    ['JSON that is no line of ours', () => '[]\n'],
    ['a second hello', () => hello],
    ['a line that never ends', () => 'x'.repeat(200_000)],
    ['JSON without a bottom', () => `${'{"a":'.repeat(10_000)}\n`],
    ['an acknowledgement of nonsense', () => '{"type":"ack","hashes":7}\n'],
  ])('ends a stream that brings %s after its hello, and no other', async (_what, garbage) => {
    const session = http2.connect(discoveryUrl, { ca: place.state.ca })
    session.on('error', () => undefined)
    const stream = session.request(
      {
        ':method': 'POST',
        ':path': discoveryPath,
        authorization: `Bearer ${place.state.token('orders')}`,
      },
      { endStream: false },
    )
    stream.on('error', () => undefined)
    let open = false
    stream.on('response', (headers) => (open = headers[':status'] === 200))
    let closed = false
    stream.on('close', () => (closed = true))
    stream.resume()
    stream.write(hello)
    await until('it is open', () => open)
    stream.write(garbage())
    stream.write('\n')
    await until('it is ended', () => closed)
    session.destroy()
    await serves()
  })

  test('and says nothing on standard error through all of it', () => {
    expect([controller.child.exitCode, controller.stderr()]).toEqual([null, ''])
  })
})

const hello = '{"type":"hello","kind":"sidecar","features":[],"hashes":{}}\n'

/** Controllers and clients that do not behave: what the other end then does. */
import http2 from 'node:http2'
import type { ClientHttp2Stream, ServerHttp2Stream } from 'node:http2'
import { afterEach, expect, test } from 'vitest'
import { hashOf } from '../../pkg/discovery/hash.ts'
import { maxDownstreamLineBytes } from '../../pkg/discovery/lines.ts'
import {
  subscribe,
  type SubscribeOptions,
  type Subscription,
} from '../../pkg/discovery/subscribe.ts'
import type { Hello, Update } from '../../pkg/discovery/wire.ts'
import { listen } from '../../pkg/http/listen.ts'
import {
  ca,
  generationOf,
  podToken,
  policyOf,
  quietLog,
  servingCertificate,
  startDiscovery,
} from '../support/discovery.ts'
import { until } from '../support/until.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

interface Script {
  readonly url: string
  /** The first line of each stream so far. */
  readonly hellos: Hello[]
}

/** A controller that does what `answer` says on each stream, in turn; the last one for all that follow. */
async function scripted(...answers: ((stream: ServerHttp2Stream) => void)[]): Promise<Script> {
  const { certificate, privateKey } = servingCertificate()
  const server = http2.createSecureServer({ cert: certificate, key: privateKey })
  const hellos: Hello[] = []
  server.on('sessionError', () => undefined)
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.on('error', () => undefined)
    stream.once('data', (chunk: Buffer) => {
      hellos.push(JSON.parse(chunk.toString()) as Hello)
      answers[Math.min(hellos.length, answers.length) - 1]?.(stream)
    })
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  closers.push(() => server.close())
  return { url: `https://127.0.0.1:${port}`, hellos }
}

function follow(
  url: string,
  change: Partial<SubscribeOptions<'sidecar'>> = {},
): { subscription: Subscription; applied: number; log: string[] } {
  const log: string[] = []
  const result = { applied: 0, log }
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [url],
    ca,
    token: () => Promise.resolve(podToken('one')),
    apply: () => (result.applied += 1),
    log: quietLog(log),
    random: () => 0.1,
    ...change,
  })
  closers.push(() => subscription.close())
  return Object.assign(result, { subscription })
}

const policy = policyOf({ a: '10.0.0.1' })
const sectionsOf = (values: object): Update['sections'] =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      { hash: hashOf(value as object), value: value as unknown },
    ]),
  )
const update = (version: number, sections = sectionsOf(policy)): string =>
  JSON.stringify({ type: 'update', revision: { epoch: 1, versions: { Pod: version } }, sections }) +
  '\n'
const heartbeat = (version: number, ageMs: number): string =>
  JSON.stringify({ type: 'heartbeat', revision: { epoch: 1, versions: { Pod: version } }, ageMs }) +
  '\n'
const say =
  (...lines: string[]) =>
  (stream: ServerHttp2Stream): void => {
    stream.respond({ ':status': 200 })
    for (const line of lines) stream.write(line)
  }

test.each([
  ['bytes that are no JSON', 'garbage\n'],
  ['a line that is too long', 'x'.repeat(maxDownstreamLineBytes + 1)],
  ['an update that is not complete', update(1, sectionsOf({ rules: policy.rules }))],
  ['a section that is not what its hash says', update(1).replace('10.0.0.1', '10.6.6.6')],
  ['an update with no revision', '{"type":"update","sections":{}}\n'],
])('%s: nothing is applied, and the client asks again for all', async (_what, line) => {
  const script = await scripted(say(line), say(update(2)))
  const client = follow(script.url)
  await until('the second stream is applied', () => client.applied === 1)
  expect(client.subscription.revision()?.versions['Pod']).toBe(2)
  expect(script.hellos.map(({ hashes }) => hashes)).toEqual([{}, {}])
})

test('a delta of a base that is not held: the client asks again for all, and applies that', async () => {
  const addresses = { hash: 'h', delta: { base: 'other', set: {}, remove: [] } }
  const script = await scripted(say(update(1), update(2, { addresses })), say(update(2)))
  const client = follow(script.url)
  await until('both are applied', () => client.applied === 2)
  expect(script.hellos[1]?.hashes).toEqual({})
  expect(script.hellos[1]?.revision?.versions['Pod']).toBe(1)
})

test('after a lost stream the client says what it holds', async () => {
  const script = await scripted((stream) => {
    say(update(1))(stream)
    stream.end()
  }, say())
  follow(script.url)
  await until('it comes back', () => script.hellos.length === 2)
  expect(script.hellos[1]).toMatchObject({
    hashes: { rules: hashOf(policy.rules) },
    revision: { epoch: 1, versions: { Pod: 1 } },
  })
})

test.each([
  ['an update', update(4, sectionsOf(policyOf({ a: '10.6.6.6' })))],
  ['a heartbeat', heartbeat(4, 0)],
])('%s of an older revision is refused, and the stream with it', async (_what, line) => {
  const script = await scripted(say(update(5), line), say())
  const client = follow(script.url)
  await until('it leaves', () => script.hellos.length === 2)
  expect(client.applied).toBe(1)
  expect(client.subscription.revision()?.versions['Pod']).toBe(5)
  expect(client.log.join('')).toContain('older revision')
})

test('an update that follows a rejected one must bring what was rejected', async () => {
  const bad = policyOf({ a: 'bad' })
  const script = await scripted(
    say(
      update(1),
      update(2, sectionsOf({ addresses: bad.addresses })),
      update(3, sectionsOf({ trust: { bundle: 'other' } })),
    ),
    say(),
  )
  const taken: string[] = []
  follow(script.url, {
    apply: ({ addresses, trust }) => {
      const [address] = addresses['a']?.clusterIPs ?? []
      if (address === 'bad') throw new Error('no such address')
      taken.push(`${address} ${trust.bundle === 'other'}`)
    },
  })
  await until('it leaves', () => script.hellos.length === 2)
  expect(taken).toEqual(['10.0.0.1 false'])
})

test('a view is as old as the controller says and the time since, whatever the clock says', async () => {
  let monotonicMs = 1000
  let wallMs = 5_000_000
  const script = await scripted(say(update(1), heartbeat(1, 40_000)))
  const { subscription } = follow(script.url, {
    monotonicMs: () => monotonicMs,
    wallMs: () => wallMs,
  })
  expect(subscription.ageMs()).toBe(Infinity)
  await until('the heartbeat arrives', () => subscription.ageMs() === 40_000)
  monotonicMs += 2500
  wallMs -= 1_000_000_000
  expect(subscription.ageMs()).toBe(42_500)
})

test('a heartbeat of a view whose update was rejected does not make the applied one fresh', async () => {
  let monotonicMs = 0
  let rejecting = false
  const second = update(2, sectionsOf({ addresses: policyOf({ b: '1' }).addresses }))
  const script = await scripted((stream) => {
    say(update(1), heartbeat(1, 0))(stream)
    stream.on('data', (chunk: Buffer) => {
      if (chunk.includes('"ack"')) {
        rejecting = true
        monotonicMs = 9000
        stream.write(second + heartbeat(2, 0))
      }
    })
  })
  const { subscription, log } = follow(script.url, {
    monotonicMs: () => monotonicMs,
    apply: () => {
      if (rejecting) throw new Error('not now')
    },
  })
  await until('it is rejected', () => log.join('').includes('an update is rejected'))
  expect(subscription.ageMs()).toBe(9000)
  expect(subscription.revision()?.versions['Pod']).toBe(1)
})

test('a controller that comes and goes is not waited for long, one that never delivers is', async () => {
  const waits = async (answer: (stream: ServerHttp2Stream) => void): Promise<number[]> => {
    const script = await scripted(answer)
    const { log, subscription } = follow(script.url, { random: () => 0.2 })
    await until('it has tried several times', () => script.hellos.length === 6)
    subscription.close()
    return log.flatMap((line) => /"retryInMs":(\d+)/.exec(line)?.[1] ?? []).map(Number)
  }
  const cut = (stream: ServerHttp2Stream): void => {
    say(heartbeat(1, 0))(stream)
    stream.end()
  }
  expect((await waits(cut)).slice(0, 5)).toEqual([40, 80, 160, 160, 160])
  expect((await waits((stream) => stream.close())).slice(0, 5)).toEqual([40, 80, 160, 320, 640])
})

test('a controller that falls silent is given up', async () => {
  const script = await scripted(say(update(1)))
  const client = follow(script.url, { silenceMs: 100 })
  await until('it tries again', () => script.hellos.length >= 2)
  expect(client.log.join('')).toContain('no line within 100 ms')
})

test('a controller that never answers is passed over', async () => {
  const dead = await scripted(() => undefined)
  const good = await scripted(say(update(1)))
  const client = follow(dead.url, { urls: ['https://127.0.0.1:1', good.url] })
  await until('the other is applied', () => client.applied === 1)
})

/** A client of the real server that says what it is told. */
async function rawClient(url: string, lines: string): Promise<ClientHttp2Stream> {
  const session = http2.connect(url, { ca: ca() })
  session.on('error', () => undefined)
  closers.push(() => session.destroy())
  const stream = session.request(
    { ':method': 'POST', ':path': '/v1/discovery', authorization: `Bearer ${podToken('one')}` },
    { endStream: false },
  )
  stream.on('error', () => undefined)
  stream.write(lines)
  await new Promise((resolve) => session.once('connect', resolve))
  return stream
}

const hello = JSON.stringify({ type: 'hello', kind: 'sidecar', features: [], hashes: {} }) + '\n'

test.each([
  ['garbage', 'garbage\n', 400],
  ['an acknowledgement before the hello', '{"type":"ack","hashes":{}}\n', 400],
  ['a hello that never ends', 'x'.repeat(70_000), 400],
  ['a hello as an authority', hello.replace('sidecar', 'authority'), 403],
])('a client that begins with %s is refused', async (_what, lines, status) => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policy }))
  const stream = await rawClient(server.url, lines)
  const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) =>
    stream.once('response', resolve),
  )
  expect(headers[':status']).toBe(status)
  await until('the stream is closed', () => stream.closed || stream.destroyed)
  expect(server.index.counts().sidecar).toBe(0)
})

test('a client that speaks garbage later loses its stream and nothing else', async () => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policy, two: policy }))
  const other = follow(server.url, { token: () => Promise.resolve(podToken('two')) })
  const stream = await rawClient(server.url, hello)
  await until('both are served', () => server.index.counts().sidecar === 2)
  stream.write('garbage\n')
  await until('it is cut', () => stream.destroyed)
  expect(server.index.counts().sidecar).toBe(1)
  expect(other.subscription.connected()).toBe(true)
})

test('a slow reader costs the server a bounded amount, and gets the latest state, not all states', async () => {
  await using server = await startDiscovery()
  const wide = (round: number): ReturnType<typeof policyOf> =>
    policyOf(
      Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`r${at}`, `${round}.${at}`])),
    )
  server.index.publish(generationOf(1, { one: wide(0) }))
  const stream = await rawClient(server.url, hello)
  await until('it is served', () => server.index.counts().sidecar === 1)
  stream.pause()
  const rounds = 2000
  for (let round = 1; round <= rounds; round += 1) {
    server.index.publish(generationOf(round + 1, { one: wide(round) }))
    if (round % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const sent = /sent_bytes_total\{kind="sidecar"\} (\d+)/.exec(await server.metrics.text())?.[1]
  expect(Number(sent)).toBeLessThan(200_000)
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  stream.resume()
  await until('the latest state arrives', () => text.includes(`"${rounds}.19"`))
  expect(text.split('\n').length).toBeLessThan(rounds / 4)
})

test('a second stream of the same pod takes the place of the first', async () => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policy }))
  const first = await rawClient(server.url, hello)
  first.resume()
  await until('the first is served', () => server.index.counts().sidecar === 1)
  const second = await rawClient(server.url, hello)
  second.resume()
  await until('the first ends', () => first.closed)
  expect(second.closed).toBe(false)
  expect(server.index.counts().sidecar).toBe(1)
})

test('another path, and another method, are not found', async () => {
  await using server = await startDiscovery()
  const session = http2.connect(server.url, { ca: ca() })
  closers.push(() => session.destroy())
  for (const [method, path] of [
    ['GET', '/v1/discovery'],
    ['POST', '/'],
  ] as const) {
    const stream = session.request({ ':method': method, ':path': path })
    const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) =>
      stream.once('response', resolve),
    )
    expect(headers[':status']).toBe(404)
  }
})

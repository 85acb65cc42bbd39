import http2 from 'node:http2'
import { expect, test } from 'vitest'
import { createDiscoveryServer } from '../../pkg/discovery/serve.ts'
import { createIndex } from '../../pkg/discovery/index.ts'
import { discoveryPath, type Update } from '../../pkg/discovery/wire.ts'
import { listen } from '../../pkg/http/listen.ts'
import { createMetrics } from '../../pkg/telemetry/metrics.ts'
import {
  authorityFacts,
  ca,
  generationOf,
  serviceAccounts,
  nowSeconds,
  podToken,
  policyOf,
  quietLog,
  servingCertificate,
} from '../support/discovery.ts'
import { until } from '../support/until.ts'

const ignore = (): void => undefined

/** A controller, and a pod that says whatever it is told. */
async function attacked(waiting = { connections: 100, ms: 10_000 }) {
  const log: string[] = []
  const index = createIndex({ monotonicMs: () => performance.now() })
  index.publish(generationOf(1, { one: policyOf({ a: '10.0.0.1' }) }))
  const discovery = createDiscoveryServer({
    index,
    ...servingCertificate(),
    serviceAccounts: () => serviceAccounts,
    authority: authorityFacts,
    nowSeconds,
    random: Math.random,
    log: quietLog(log),
    metrics: createMetrics(),
    waiting,
  })
  const { port } = await listen(discovery.server, { host: '127.0.0.1', port: 0 })
  const session = http2.connect(`https://127.0.0.1:${port}`, { ca: ca() })
  const stream = session.request({
    ':method': 'POST',
    ':path': discoveryPath,
    authorization: `Bearer ${podToken('one')}`,
  })
  let text = ''
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const say = (line: object): void => void stream.write(`${JSON.stringify(line)}\n`)
  say({ type: 'hello', kind: 'sidecar', features: [], hashes: {} })
  await until('the policy arrives', () => text.includes('\n'))
  return {
    index,
    log,
    say,
    session,
    stranger: () => http2.connect(`https://127.0.0.1:${port}`, { ca: ca() }).on('error', ignore),
    update: JSON.parse(text.split('\n', 1)[0] ?? '') as Update,
    rejections: () => log.filter((line) => line.includes('rejects an update')).length,
    async [Symbol.asyncDispose]() {
      session.destroy()
      await discovery.close()
    },
  }
}

test('a pod that rejects without end fills no log', async () => {
  await using attack = await attacked()
  const { hash = '' } = attack.update.sections.rules ?? {}
  for (let at = 0; at < 500; at += 1) {
    const reason = `${at}\u001b[2J`
    attack.say({ type: 'nack', section: 'rules', hash, reason })
    attack.say({ type: 'nack', section: 'routes', hash: `never sent ${at}`, reason })
  }
  await until('the first is logged', () => attack.rejections() > 0)
  const { hash: keys = '' } = attack.update.sections.keys ?? {}
  attack.say({ type: 'nack', section: 'keys', hash: keys, reason: 'the very last' })
  await until('all is read', () => attack.log.join('').includes('the very last'))
  expect(attack.rejections()).toBe(2)
})

/** The status of a stream that is opened without a token; 0 where there is none. */
function knock(session: http2.ClientHttp2Session): Promise<number> {
  return new Promise((resolve) => {
    const stream = session.request({ ':method': 'POST', ':path': discoveryPath })
    let status = 0
    stream.on('response', (headers) => (status = headers[':status'] ?? 0))
    stream.on('error', ignore).on('close', () => resolve(status))
    stream.resume().end()
  })
}

test('who is refused has no second try on the same connection; who is admitted goes on', async () => {
  await using attack = await attacked()
  const stranger = attack.stranger()
  expect(await knock(stranger)).toBe(401)
  await until('the connection ends', () => stranger.destroyed)
  expect(attack.session.destroyed).toBe(false)
})

test('of connections on which nobody is admitted the oldest give way; who is admitted stays', async () => {
  await using attack = await attacked({ connections: 5, ms: 10_000 })
  const strangers: http2.ClientHttp2Session[] = []
  for (let at = 0; at < 12; at += 1) {
    const stranger = attack.stranger()
    await new Promise((resolve) => stranger.on('connect', resolve))
    strangers.push(stranger)
  }
  await until('the oldest are gone', () => strangers.filter((one) => one.destroyed).length === 7)
  expect(strangers.map((one) => one.destroyed).indexOf(false)).toBe(7)
  expect(attack.session.destroyed).toBe(false)
  for (const stranger of strangers) stranger.destroy()
})

test('a connection on which nobody is admitted in time ends', async () => {
  await using attack = await attacked({ connections: 5, ms: 1_500 })
  const stranger = attack.stranger()
  await until('it is gone', () => stranger.destroyed)
  expect(attack.session.destroyed).toBe(false)
})

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

/** A controller, and a pod that says whatever it is told. */
async function attacked() {
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

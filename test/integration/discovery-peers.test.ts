import http2 from 'node:http2'
import { afterEach, expect, test } from 'vitest'
import { hashOf } from '../../pkg/discovery/hash.ts'
import { createIndex, type Index } from '../../pkg/discovery/index.ts'
import { writeLine } from '../../pkg/discovery/lines.ts'
import { createDiscoveryServer } from '../../pkg/discovery/serve.ts'
import { tellProgress } from '../../pkg/discovery/tell-progress.ts'
import { progressPath } from '../../pkg/discovery/wire.ts'
import { listen } from '../../pkg/http/listen.ts'
import { issueIntermediate, issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { createMetrics } from '../../pkg/telemetry/metrics.ts'
import { closeAll, closing } from '../support/controller.ts'
import {
  authorityFacts,
  generationOf,
  nowSeconds,
  policyOf,
  quietLog,
} from '../support/discovery.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

const serverName = 'tokenward-controller.tokenward-system.svc'
const root = issueRoot()
const intermediate = issueIntermediate({ root })
const servingOf = (): { certificate: string; privateKey: string; bundle: string } => {
  const leaf = issueServing({ root: intermediate, dnsNames: [serverName], ipAddresses: [] })
  const certificate = leaf.certificate + intermediate.certificate
  return { certificate, privateKey: leaf.privateKey, bundle: root.certificate }
}
const ours = servingOf()
const policy = policyOf({})
const generation = generationOf(1, { 'orders-0': policy })

const indexWith = (): Index => {
  const index = createIndex({ monotonicMs: () => performance.now() })
  index.publish(generation)
  return index
}

/** A leader's server, and its address. */
async function startLeader(index: Index): Promise<string> {
  const discovery = createDiscoveryServer({
    index,
    ...ours,
    serviceAccounts: () => undefined,
    authority: authorityFacts,
    nowSeconds,
    peerCertificate: () => ours.certificate,
    random: Math.random,
    log: quietLog(),
    metrics: createMetrics(),
  })
  const { port } = await listen(discovery.server, { host: '127.0.0.1', port: 0 })
  closing(() => discovery.close())
  return `https://127.0.0.1:${port}`
}

const client = { kind: 'sidecar', podUid: 'uid-orders-0', serviceAccountUid: 'sa-orders' } as const

test('what is connected to another replica counts, until it goes or that replica does', async () => {
  const [here, there] = [indexWith(), indexWith()]
  let url: string | undefined = await startLeader(here)
  const told = tellProgress({
    index: there,
    leader: () => url,
    serverName,
    serving: () => ours,
    log: quietLog(),
  })
  closing(() => told.close())
  const applied = (): number => here.progress(['uid-orders-0']).applied
  const subscriber = there.subscribe(client, () => undefined)
  subscriber.acknowledge({ rules: hashOf(policy.rules) })
  await until('it counts', () => applied() === 1)
  subscriber.acknowledge({ rules: 'another' })
  await until('another set of rules does not', () => applied() === 0)
  subscriber.reject('it does not fit')
  await until('why not is told', () => {
    const { rejection } = here.progress(['uid-orders-0'])
    return rejection?.pod === 'shop/orders-0' && rejection.reason === 'it does not fit'
  })
  subscriber.acknowledge({ rules: hashOf(policy.rules) }, [8081])
  await until('it counts again', () => applied() === 1)
  await until('ports past it are told', () => here.bypassOf('uid-orders-0')[0] === 8081)
  subscriber.close()
  await until('a pod that has gone does not count', () => applied() === 0)
  there.subscribe(client, () => undefined).acknowledge({ rules: hashOf(policy.rules) })
  await until('it is back', () => applied() === 1)
  url = undefined
  await until('nor one of a replica that tells nothing', () => applied() === 0)
})

/** The status that a stranger gets who tells of progress. */
async function tell(url: string, as: Partial<typeof ours>): Promise<number | undefined> {
  const session = http2.connect(url, {
    ca: root.certificate,
    servername: serverName,
    ...(as.certificate === undefined ? {} : { cert: as.certificate, key: as.privateKey }),
  })
  closing(() => session.destroy())
  session.on('error', () => undefined)
  const stream = session.request({ ':method': 'POST', ':path': progressPath }, { endStream: false })
  stream.on('error', () => undefined)
  const rules = hashOf(policy.rules)
  stream.write(writeLine({ type: 'progress', pods: { 'uid-orders-0': { rules } } }))
  return new Promise((resolve) => {
    stream.on('response', (headers) => resolve(headers[':status']))
    stream.on('close', () => resolve(undefined))
  })
}

test.each([
  ['without a certificate is refused', {}, 403],
  ['with another certificate of our own root is refused', servingOf(), 403],
  ['with the certificate that replicas share is heard', ours, 200],
])('who tells of progress %s', async (_who, as, status) => {
  const here = indexWith()
  expect(await tell(await startLeader(here), as)).toBe(status)
  await until('what was told counts for a replica alone', () => {
    return here.progress(['uid-orders-0']).applied === (status === 200 ? 1 : 0)
  })
})

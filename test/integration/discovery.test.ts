import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  subscribe,
  type SubscribeOptions,
  type Subscription,
} from '../../pkg/discovery/subscribe.ts'
import type { WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import {
  authorityFacts,
  ca,
  generationOf,
  podToken,
  policyOf,
  quietLog,
  startDiscovery,
} from '../support/discovery.ts'
import { until } from '../support/until.ts'

let folder = ''
const subscriptions: Subscription[] = []

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tokenward-discovery-'))
})
afterEach(() => {
  for (const subscription of subscriptions.splice(0)) subscription.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Sidecar {
  readonly subscription: Subscription
  readonly applied: WorkloadPolicy[]
  readonly log: string[]
}

/** A sidecar's end of the stream, which keeps all that it was given. */
function sidecar(
  pod: string,
  urls: readonly string[],
  change: Partial<SubscribeOptions<'sidecar'>> = {},
): Sidecar {
  const applied: WorkloadPolicy[] = []
  const log: string[] = []
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls,
    ca,
    token: () => Promise.resolve(podToken(pod)),
    apply: (sections) => applied.push(sections),
    log: quietLog(log),
    ...change,
  })
  subscriptions.push(subscription)
  return { subscription, applied, log }
}

const addressesOf = (policy: WorkloadPolicy | undefined): string[] =>
  Object.values(policy?.addresses ?? {}).flatMap(({ clusterIPs }) => clusterIPs)

test('two pods get their own sections, and only the one that a change concerns hears of it', async () => {
  await using server = await startDiscovery()
  const second = policyOf({ b: '10.0.0.2' })
  server.index.publish(generationOf(1, { one: policyOf({ a: '10.0.0.1' }), two: second }))
  const [one, two] = [sidecar('one', [server.url]), sidecar('two', [server.url])]
  await until('both have a policy', () => one.applied.length === 1 && two.applied.length === 1)
  expect(addressesOf(one.applied[0])).toEqual(['10.0.0.1'])
  expect(addressesOf(two.applied[0])).toEqual(['10.0.0.2'])

  server.index.publish(generationOf(2, { one: policyOf({ a: '10.0.0.9' }), two: second }))
  await until('the change arrives', () => one.applied.length === 2)
  expect(addressesOf(one.applied[1])).toEqual(['10.0.0.9'])
  expect(two.applied).toHaveLength(1)
  await until(
    'it is acknowledged',
    () => server.index.progress(['uid-one', 'uid-two']).applied === 2,
  )
  expect(server.index.counts()).toEqual({ sidecar: 2, authority: 0 })
})

test('a change of one address is sent as a delta and merged', async () => {
  await using server = await startDiscovery()
  const many = Object.fromEntries(
    Array.from({ length: 200 }, (_, at) => [`route-${at}`, `10.0.1.${at}`]),
  )
  server.index.publish(generationOf(1, { one: policyOf(many) }))
  const { applied } = sidecar('one', [server.url])
  await until('the policy arrives', () => applied.length === 1)
  const before = await sentBytes(server.metrics)
  const rest = Object.fromEntries(Object.entries(many).filter(([id]) => id !== 'route-7'))
  server.index.publish(generationOf(2, { one: policyOf({ ...rest, 'route-9': '10.9.9.9' }) }))
  await until('the change arrives', () => applied.length === 2)
  expect(applied[1]?.addresses['route-7']).toBeUndefined()
  expect(applied[1]?.addresses['route-9']?.clusterIPs).toEqual(['10.9.9.9'])
  expect(Object.keys(applied[1]?.addresses ?? {})).toHaveLength(199)
  expect((await sentBytes(server.metrics)) - before).toBeLessThan(600)
})

async function sentBytes(metrics: { text(): Promise<string> }): Promise<number> {
  const text = await metrics.text()
  return Number(/tokenward_discovery_sent_bytes_total\{kind="sidecar"\} (\d+)/.exec(text)?.[1])
}

test('a rejected update leaves the last good state, and the next one brings all of it', async () => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policyOf({ a: '10.0.0.1' }) }))
  const taken: WorkloadPolicy[] = []
  const { subscription, log } = sidecar('one', [server.url], {
    apply: (sections) => {
      if (addressesOf(sections).includes('bad')) throw new Error('no such address')
      taken.push(sections)
    },
  })
  await until('the policy arrives', () => taken.length === 1)
  const good = subscription.hashes()
  server.index.publish(generationOf(2, { one: policyOf({ a: 'bad' }) }))
  await until('it is rejected', async () =>
    (await server.metrics.text()).includes('answers_total{answer="nack"} 1'),
  )
  expect(subscription.hashes()).toEqual(good)
  expect(subscription.revision()?.versions.Pod).toBe(1)
  const cured = { ...policyOf({ a: '10.0.0.3' }), trust: { bundle: 'other' } }
  server.index.publish(generationOf(3, { one: cured }))
  await until('the cure arrives', () => taken.length === 2)
  expect(taken[1]).toEqual(cured)
  expect(log.join('')).not.toContain('no stream to a controller')
})

test('a restarted server is found again, and what did not change is not sent again', async () => {
  const first = await startDiscovery()
  const policy = policyOf({ a: '10.0.0.1' })
  first.index.publish(generationOf(5, { one: policy }))
  const { applied, subscription } = sidecar('one', [first.url])
  await until('the policy arrives', () => applied.length === 1)
  await first[Symbol.asyncDispose]()
  await until('the stream has ended', () => !subscription.connected())
  expect(addressesOf(applied.at(-1))).toEqual(['10.0.0.1'])

  await using second = await startDiscovery({ port: first.port })
  second.index.publish(generationOf(5, { one: policyOf({ a: '10.0.0.1' }) }))
  await until('it is connected again', () => subscription.connected(), 10_000)
  second.index.publish(generationOf(6, { one: policyOf({ a: '10.0.0.2' }) }))
  await until('a change arrives', () => applied.length === 2)
  expect(addressesOf(applied[1])).toEqual(['10.0.0.2'])
})

test('a replica that has looked far enough and saw no change is not behind, and shows nothing older', async () => {
  await using ahead = await startDiscovery()
  await using quiet = await startDiscovery()
  ahead.index.publish(generationOf(7, { one: policyOf({ a: '10.0.0.7' }) }))
  quiet.index.publish(generationOf(6, { one: policyOf({ a: '10.0.0.7' }) }))
  quiet.index.confirm(0, generationOf(9, {}).revision)
  const { subscription, log } = sidecar('one', [ahead.url, quiet.url])
  await until('it is served', () => subscription.connected())
  await until('by the one ahead', () => subscription.revision()?.versions['Pod'] === 7)
  await ahead[Symbol.asyncDispose]()
  await until('it is at the quiet one', () =>
    log.some((line) => line.includes(`"url":"${quiet.url}","msg":"connected`)),
  )
  await until('and has heard of it', () => quiet.index.counts().sidecar === 1)
  quiet.index.publish(generationOf(10, { one: policyOf({ a: '10.0.0.10' }) }))
  await until('what comes next is newer', () => subscription.revision()?.versions['Pod'] === 10)
  expect(log.join('')).not.toContain('shows an older revision')
})

test('a replica that is behind is passed over for one that is not', async () => {
  await using behind = await startDiscovery()
  await using ahead = await startDiscovery()
  ahead.index.publish(generationOf(7, { one: policyOf({ a: '10.0.0.7' }) }))
  behind.index.publish(generationOf(6, { one: policyOf({ a: '10.0.0.6' }) }))
  const { applied, subscription } = sidecar('one', [ahead.url, behind.url])
  await until('the policy arrives', () => applied.length === 1)
  await ahead[Symbol.asyncDispose]()
  await until('the one behind refuses', async () =>
    (await behind.metrics.text()).includes('refused_total{reason="behind"}'),
  )
  expect(subscription.connected()).toBe(false)
  expect(applied).toHaveLength(1)
  behind.index.publish(generationOf(8, { one: policyOf({ a: '10.0.0.8' }) }))
  await until('it has caught up', () => applied.length === 2, 10_000)
})

test('a higher epoch is believed whatever its versions, a lower one never', async () => {
  await using old = await startDiscovery()
  await using restored = await startDiscovery()
  old.index.publish(generationOf(50, { one: policyOf({ a: '10.0.0.1' }) }))
  restored.index.publish(generationOf(1, { one: policyOf({ a: '10.0.0.2' }) }, 2))
  const { applied, subscription } = sidecar('one', [old.url, restored.url])
  await until('the old epoch arrives', () => applied.length === 1)
  await old[Symbol.asyncDispose]()
  await until('the new epoch arrives', () => applied.length === 2)
  expect(subscription.revision()).toMatchObject({ epoch: 2, versions: { Pod: 1 } })
})

test('a restarted client acts at once on what it kept, and asks only for what changed', async () => {
  const stateFile = path.join(folder, 'policy.json')
  const policy = policyOf({ a: '10.0.0.1' })
  {
    await using server = await startDiscovery()
    server.index.publish(generationOf(3, { one: policy }))
    const { subscription } = sidecar('one', [server.url], { stateFile })
    await until('the state is kept', () => readable(stateFile))
    subscription.close()
  }
  expect(statSync(stateFile).mode & 0o777).toBe(0o600)
  const again = sidecar('one', ['https://127.0.0.1:1'], { stateFile })
  expect(again.applied).toEqual([policy])
  expect(again.subscription.ageMs()).toBeLessThan(5000)
  expect(again.subscription.revision()?.versions.Pod).toBe(3)
})

function readable(file: string): boolean {
  try {
    return readFileSync(file).length > 0
  } catch {
    return false
  }
}

test('kept state is as old as the time since, and infinitely old where the clock went back', async () => {
  const stateFile = path.join(folder, 'policy.json')
  await using server = await startDiscovery()
  server.index.publish(generationOf(3, { one: policyOf({}) }))
  sidecar('one', [server.url], { stateFile })
  await until('the state is kept', () => readable(stateFile))
  const ageAt = (wallMs: number): number =>
    sidecar('one', ['https://127.0.0.1:1'], {
      stateFile,
      wallMs: () => wallMs,
    }).subscription.ageMs()
  expect(ageAt(Date.now() + 3_600_000)).toBeGreaterThan(3_590_000)
  expect(ageAt(Date.now() - 3_600_000)).toBe(Infinity)
})

test.each([
  ['is cut', (text: string) => text.slice(0, text.length / 2)],
  ['has another address in it', (text: string) => text.replace('10.0.0.1', '10.6.6.6')],
  ['is of another kind', (text: string) => text.replace('"sidecar"', '"authority"')],
  ['is not JSON', () => 'x'],
])('kept state that %s is left aside', async (_what, damage) => {
  const stateFile = path.join(folder, 'policy.json')
  await using server = await startDiscovery()
  server.index.publish(generationOf(3, { one: policyOf({ a: '10.0.0.1' }) }))
  sidecar('one', [server.url], { stateFile })
  await until('the state is kept', () => readable(stateFile))
  subscriptions.pop()?.close()
  writeFileSync(stateFile, damage(readFileSync(stateFile, 'utf8')))
  const { applied, subscription, log } = sidecar('one', ['https://127.0.0.1:1'], { stateFile })
  expect(applied).toEqual([])
  expect(subscription.ageMs()).toBe(Infinity)
  expect(log.join('')).toContain('the kept state is damaged')
})

test('a state file that cannot be written is a warning and nothing else', async () => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policyOf({}) }))
  const stateFile = path.join(folder, 'missing', 'policy.json')
  const { applied, log } = sidecar('one', [server.url], { stateFile })
  await until('it is logged', () => log.join('').includes('the state cannot be kept'))
  server.index.publish(generationOf(2, { one: policyOf({ a: '10.0.0.1' }) }))
  await until('updates go on', () => applied.length === 2)
})

test.each([
  ['no token', () => '', 'no_token'],
  [
    'a token for another audience',
    () => podToken('one', { audience: 'tokenward:authority' }),
    'client_assertion',
  ],
  [
    'an expired token',
    () => podToken('one', { issuedAtSeconds: 1000, expiresAtSeconds: 2000 }),
    'client_assertion',
  ],
  [
    'a token of an older pod of that name',
    () => podToken('one', { podUid: 'uid-older' }),
    'behind',
  ],
  [
    'a token of a deleted service account',
    () => podToken('one', { serviceAccountUid: 'sa-older' }),
    'client_assertion',
  ],
  ['a token with another pod name', () => podToken('one', { pod: 'two' }), 'client_assertion'],
  [
    'a token of another service account of that UID',
    () => podToken('one', { serviceAccount: 'payments' }),
    'client_assertion',
  ],
  [
    'a token of another namespace',
    () => podToken('one', { namespace: 'other' }),
    'client_assertion',
  ],
  [
    'a token that is older than the view and whose pod is not there',
    () => podToken('gone', { issuedAtSeconds: Math.floor(Date.now() / 1000) - 120 }),
    'client_unknown',
  ],
])('%s is refused as %s', async (_what, token, reason) => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policyOf({}) }))
  const { applied } = sidecar('one', [server.url], { token: () => Promise.resolve(token()) })
  await until(reason, async () =>
    (await server.metrics.text()).includes(`refused_total{reason="${reason}"}`),
  )
  expect(applied).toEqual([])
})

test("the authority's sections go to its own service account alone", async () => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policyOf({}) }))
  let given = 0
  const as = (token: () => string): Subscription => {
    const subscription = subscribe<'authority'>({
      kind: 'authority',
      urls: [server.url],
      ca,
      token: () => Promise.resolve(token()),
      apply: () => (given += 1),
      log: quietLog(),
    })
    subscriptions.push(subscription)
    return subscription
  }
  as(() => podToken('one'))
  await until('a pod is refused', async () =>
    (await server.metrics.text()).includes('refused_total{reason="client_forbidden"}'),
  )
  expect(given).toBe(0)
  as(() => podToken('authority', authorityFacts))
  await until('the authority is served', () => given === 1)
})

test('the stream of a pod that is gone ends, and it is refused from then on', async () => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policyOf({}), two: policyOf({}) }))
  const [one, two] = [sidecar('one', [server.url]), sidecar('two', [server.url])]
  await until('both are connected', () => one.applied.length + two.applied.length === 2)
  server.index.publish(generationOf(2, { two: policyOf({}) }))
  await until('its stream ends', () => !one.subscription.connected())
  expect(two.subscription.connected()).toBe(true)
  expect(server.index.counts().sidecar).toBe(1)
})

test('the stream of a pod whose service account was deleted and made again ends', async () => {
  await using server = await startDiscovery()
  const generation = generationOf(1, { one: policyOf({}) })
  server.index.publish(generation)
  const { subscription } = sidecar('one', [server.url])
  await until('it is connected', () => subscription.connected())
  const one = { namespace: 'shop', pod: 'one', serviceAccount: 'orders', serviceAccountUid: 'new' }
  server.index.publish({ ...generation, pods: new Map([['uid-one', one]]) })
  await until('its stream ends', () => !subscription.connected())
  await until('it is refused', async () =>
    (await server.metrics.text()).includes('refused_total{reason="client_assertion"}'),
  )
})

test('a stream ends with its token, and the client comes back with a fresh one', async () => {
  await using server = await startDiscovery({ random: () => 1 })
  server.index.publish(generationOf(1, { one: policyOf({}) }))
  let asked = 0
  const { subscription } = sidecar('one', [server.url], {
    token: () => {
      asked += 1
      const expiresAtSeconds = Math.floor(Date.now() / 1000) + (asked === 1 ? 2 : 600)
      return Promise.resolve(podToken('one', { expiresAtSeconds }))
    },
  })
  await until('it came back', () => asked === 2 && subscription.connected())
})

test('a controller with a certificate of another root is not believed', async () => {
  await using server = await startDiscovery()
  server.index.publish(generationOf(1, { one: policyOf({}) }))
  const { issueRoot } = await import('../../pkg/pki/issue.ts')
  const { applied, log } = sidecar('one', [server.url], { ca: () => issueRoot().certificate })
  await until('it is logged', () => log.join('').includes('no stream to a controller'))
  expect(applied).toEqual([])
})

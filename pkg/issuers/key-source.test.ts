import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { corpClaims, corpTrust, nowSeconds, reasonOf } from '../../test/support/jose.ts'
import { createLog } from '../telemetry/log.ts'
import type { IssuerTrust } from '../token/claims.ts'
import { generateSigningKey } from '../token/keys.ts'
import { sign } from '../token/sign.ts'
import { createVerifier } from '../token/verify.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import { createKeySource, type KeySource } from './key-source.ts'

const closers: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const log = createLog({ name: 'test', level: 'silent' })
const first = generateSigningKey('corp-1')
const second = generateSigningKey('corp-2')

/** An issuer on loopback, and a source with a clock and timers that the test moves. */
async function world(): Promise<{
  issuer: { answer: { status: number; body: string }; asked: number; gate: Promise<void> }
  trust: IssuerTrust
  source: KeySource
  changes: string[]
  advance: (ms: number) => Promise<void>
  settled: (asked: number) => Promise<void>
}> {
  const issuer = {
    answer: { status: 200, body: JSON.stringify({ keys: [first.publicJwk] }) },
    asked: 0,
    /** Answers wait for it. */
    gate: Promise.resolve(),
  }
  const server = http.createServer((_, response) => {
    issuer.asked += 1
    void issuer.gate.then(() => response.writeHead(issuer.answer.status).end(issuer.answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const fetch = createGuardedFetch({ allowPrivate: true })
  let clockMs = 1_000_000
  const timers: { atMs: number; work: () => void }[] = []
  const changes: string[] = []
  const source = createKeySource({
    fetch,
    log,
    onChange: (name) => changes.push(name),
    nowMs: () => clockMs,
    random: () => 0.5,
    schedule: (afterMs, work) => {
      const timer = { atMs: clockMs + afterMs, work }
      timers.push(timer)
      return () => {
        timer.atMs = Infinity
      }
    },
  })
  closers.push(() => {
    source.close()
    server.closeAllConnections()
    server.close()
    return fetch.close()
  })
  const { jwks: inline, ...bare } = corpTrust()
  expect(inline).toBeDefined()
  const settled = async (asked: number): Promise<void> => {
    await expect.poll(() => [issuer.asked, changes.length > 0]).toEqual([asked, true])
  }
  return {
    issuer,
    trust: { ...bare, jwksUri: `http://127.0.0.1:${port}/jwks` },
    source,
    changes,
    settled,
    advance: async (ms) => {
      clockMs += ms
      const due = timers.filter(({ atMs }) => atMs <= clockMs)
      for (const timer of due) {
        timer.atMs = Infinity
        timer.work()
      }
      await Promise.resolve()
    },
  }
}

test('keys are fetched when the issuer is tracked, and verify its tokens', async () => {
  const { source, trust, settled } = await world()
  expect(source.withKeys(trust)).toBe(trust)
  source.track([trust])
  await settled(1)
  const verifier = createVerifier({ issuers: [source.withKeys(trust)] })
  const token = sign(corpClaims(), first, 'at+jwt')
  expect(reasonOf(() => verifier.verify(token, nowSeconds))).toBe('allowed')
  expect(source.status('corp')).toEqual({ keyIds: ['corp-1'], fetchedAtMs: 1_000_000 })
})

test('keys are fetched again after ten minutes, before anyone misses them', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  issuer.answer.body = JSON.stringify({ keys: [second.publicJwk] })
  await advance(599_000)
  expect(issuer.asked).toBe(1)
  await advance(1_000)
  await expect.poll(() => source.status('corp')?.keyIds).toEqual(['corp-2'])
})

test.each([
  ['an error status', { status: 500, body: '' }],
  ['text that is not JSON', { status: 200, body: '<html>' }],
  ['JSON that is not a key set', { status: 200, body: '{"keys":{}}' }],
])('%s leaves the keys that are known in use, and is shown', async (_, answer) => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  issuer.answer = answer
  await advance(600_000)
  await expect.poll(() => source.status('corp')?.lastError).toBeDefined()
  expect(source.status('corp')).toMatchObject({ keyIds: ['corp-1'], fetchedAtMs: 1_000_000 })
  expect(source.withKeys(trust).jwks?.keys).toHaveLength(1)
  issuer.answer = { status: 200, body: JSON.stringify({ keys: [second.publicJwk] }) }
  await advance(10_000)
  await expect
    .poll(() => source.status('corp'))
    .toEqual({ keyIds: ['corp-2'], fetchedAtMs: 1_610_000 })
})

test('failures are retried at growing distances', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  issuer.answer.status = 500
  source.track([trust])
  await settled(1)
  for (const [index, pauseMs] of [10_000, 20_000, 40_000, 80_000].entries()) {
    await advance(pauseMs - 1)
    expect(issuer.asked).toBe(index + 1)
    await advance(1)
    await expect.poll(() => issuer.asked).toBe(index + 2)
    await new Promise((resolve) => setImmediate(resolve))
    await expect.poll(() => source.status('corp')?.lastError).toBe('the answer has status 500')
  }
})

test('an unknown kid fetches at most once per 30 s, however many ask and whatever they name', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  await advance(30_000)
  const asked = Array.from({ length: 50 }, (_, index) => source.refetch('corp', `kid-${index}`))
  expect(await Promise.all(asked)).toEqual(new Array(50).fill(false))
  expect(issuer.asked).toBe(2)
  await advance(29_999)
  issuer.answer.body = JSON.stringify({ keys: [first.publicJwk, second.publicJwk] })
  expect(await source.refetch('corp', 'corp-2')).toBe(false)
  expect(issuer.asked).toBe(2)
  await advance(1)
  expect(await source.refetch('corp', 'corp-2')).toBe(true)
  expect(source.withKeys(trust).jwks?.keys).toHaveLength(2)
})

test('a kid that a fetch did not bring is not fetched for again at once', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  await advance(30_000)
  expect(await source.refetch('corp', 'lost')).toBe(false)
  await advance(60_000)
  expect(await source.refetch('corp', 'lost')).toBe(false)
  expect(issuer.asked).toBe(2)
  await advance(60_001)
  expect(await source.refetch('corp', 'lost')).toBe(false)
  expect(issuer.asked).toBe(3)
})

test('a kid that is here asks nobody', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  await advance(30_000)
  expect(await source.refetch('corp', 'corp-1')).toBe(true)
  expect(await source.refetch('stranger', 'corp-1')).toBe(false)
  expect(issuer.asked).toBe(1)
})

test('who asks while a fetch is under way gets its outcome', async () => {
  const { source, trust, issuer } = await world()
  const { promise, resolve } = Promise.withResolvers<void>()
  issuer.gate = promise
  source.track([trust])
  await expect.poll(() => issuer.asked).toBe(1)
  const asked = ['corp-1', 'corp-2'].map((kid) => source.refetch('corp', kid))
  resolve()
  expect(await Promise.all(asked)).toEqual([true, false])
  expect(issuer.asked).toBe(1)
})

test('an answer that comes after its issuer was forgotten changes nothing', async () => {
  const { source, trust, issuer, changes, advance } = await world()
  const { promise, resolve } = Promise.withResolvers<void>()
  issuer.gate = promise
  source.track([trust])
  await expect.poll(() => issuer.asked).toBe(1)
  const asked = source.refetch('corp', 'corp-1')
  source.track([])
  resolve()
  await asked
  await advance(1_000_000)
  expect([issuer.asked, changes]).toEqual([1, []])
  expect(source.withKeys(trust)).toBe(trust)
})

test('a token that names no key fetches under the same limits, and is tried again when keys came', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  expect(await source.refetch('corp', '')).toBe(false)
  await advance(30_000)
  expect(await source.refetch('corp', '')).toBe(true)
  expect(await source.refetch('corp', '')).toBe(false)
  expect(issuer.asked).toBe(2)
  issuer.answer.status = 500
  await advance(30_000)
  expect(await source.refetch('corp', '')).toBe(false)
  expect(issuer.asked).toBe(3)
})

test('private and symmetric keys that an issuer shows are not used and not passed on', async () => {
  const { source, trust, settled, issuer } = await world()
  const shown = [
    second.privateJwk,
    { kty: 'oct', kid: 's', k: 'AAAA' },
    { ...first.publicJwk, x5c: [] },
  ]
  issuer.answer.body = JSON.stringify({ keys: shown })
  source.track([trust])
  await settled(1)
  expect(source.withKeys(trust).jwks?.keys).toEqual([first.publicJwk])
})

test('an issuer that withdraws all its keys has none', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  issuer.answer.body = '{"keys":[]}'
  await advance(600_000)
  await expect.poll(() => source.status('corp')?.keyIds).toEqual([])
  expect(source.status('corp')?.lastError).toBe('it publishes no key that is usable')
})

test('an issuer that is no longer tracked is forgotten, and inline keys are never fetched', async () => {
  const { source, trust, settled, issuer, advance } = await world()
  source.track([trust])
  await settled(1)
  source.track([corpTrust()])
  expect(source.status('corp')).toBeUndefined()
  expect(source.withKeys(trust)).toBe(trust)
  await advance(700_000)
  expect(issuer.asked).toBe(1)
})

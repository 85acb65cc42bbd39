import { afterEach, expect, test } from 'vitest'
import { createLeaseApi, type LeaseApi } from '../../test/support/lease-api.ts'
import { startStubApi, type StubApi } from '../../test/support/stub-api.ts'
import { until } from '../../test/support/until.ts'
import { createLease, type Lease } from './lease.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Contest extends StubApi {
  readonly kept: LeaseApi
  readonly contend: (
    identity: string,
    change?: Partial<Parameters<typeof createLease>[0]>,
  ) => { readonly lease: Lease; readonly told: string[] }
}

async function start(): Promise<Contest> {
  const kept = createLeaseApi()
  const stub = await startStubApi(kept.decide)
  closers.push(() => stub[Symbol.asyncDispose]())
  return {
    ...stub,
    kept,
    contend(identity, change = {}) {
      const told: string[] = []
      const lease = createLease({
        client: stub.client,
        namespace: 'tokenward-system',
        name: 'tokenward-controller',
        identity,
        onLeading: () => told.push('leading'),
        onLost: () => told.push('lost'),
        log: stub.log,
        timing: { durationMs: 900, renewDeadlineMs: 600, retryMs: 30 },
        ...change,
      })
      closers.push(() => lease.close())
      lease.start()
      return { lease, told }
    },
  }
}

test('who finds no lease makes one, with times of six digits, and leads', async () => {
  const { contend, kept } = await start()
  const { lease, told } = contend('one', { wallMs: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) })
  await until('it leads', () => lease.leading())
  expect(told).toEqual(['leading'])
  expect(kept.lease()?.spec).toMatchObject({
    holderIdentity: 'one',
    acquireTime: '2026-01-02T03:04:05.678000Z',
    renewTime: '2026-01-02T03:04:05.678000Z',
    leaseTransitions: 0,
  })
})

test('it does not lead any more as soon as its deadline has passed, though no timer has run', async () => {
  let nowMs = 0
  const { contend, kept } = await start()
  const { lease } = contend('one', { monotonicMs: () => nowMs })
  await until('it leads', () => lease.leading())
  kept.be('hang')
  nowMs += 599
  expect(lease.leading()).toBe(true)
  nowMs += 1
  expect(lease.leading()).toBe(false)
})

test('an answer that took longer than the deadline makes nobody leader', async () => {
  const { contend } = await start()
  let nowMs = 0
  // Every look at the clock is a deadline later: no request ever ends in time.
  const { lease, told } = contend('one', { monotonicMs: () => (nowMs += 700) })
  await until('it asked', () => lease.leader()?.identity === 'one')
  expect(lease.leading()).toBe(false)
  expect(told).toEqual([])
})

test('a leader that cannot renew says so, and leads again when it can', async () => {
  const { contend, kept } = await start()
  const { lease, told } = contend('one')
  await until('it leads', () => lease.leading())
  kept.be({ status: 403, body: { kind: 'Status', code: 403, reason: 'Forbidden' } })
  await until('it lost', () => told.includes('lost'))
  expect(lease.leading()).toBe(false)
  expect(lease.problem()).toContain('must grant the verb')
  kept.be(undefined)
  await until('it leads again', () => lease.leading())
  expect(told.slice(0, 3)).toEqual(['leading', 'lost', 'leading'])
  expect(lease.problem()).toBeUndefined()
})

test('a follower waits while the lease changes, and takes it when it does not', async () => {
  const { contend, kept } = await start()
  const one = contend('one')
  await until('one leads', () => one.lease.leading())
  const two = contend('two')
  await until('two sees it', () => two.lease.leader()?.identity === 'one')
  const renewed = kept.lease()?.metadata['resourceVersion']
  // Longer than a lease lasts: it is renewed meanwhile.
  const startMs = performance.now()
  await until('time goes by', () => performance.now() - startMs > 1000)
  expect(kept.lease()?.metadata['resourceVersion']).not.toBe(renewed)
  expect(two.told).toEqual([])
  await one.lease.close()
  await until('two leads', () => two.lease.leading())
})

test('who ends stops to lead before the lease is given up', async () => {
  const { contend, kept } = await start()
  const holders: unknown[] = []
  const { lease } = contend('one', {
    onLost: () => holders.push(kept.lease()?.spec['holderIdentity']),
  })
  await until('it leads', () => lease.leading())
  await lease.close()
  holders.push(kept.lease()?.spec['holderIdentity'])
  expect(holders).toEqual(['one', ''])
})

test('what fails in onLeading is logged and ends nothing', async () => {
  const { contend, logged } = await start()
  const { lease } = contend('one', {
    onLeading() {
      throw new Error('a mistake')
    },
  })
  await until('it leads', () => lease.leading())
  expect(logged.join()).toContain('a mistake')
})

test('the address of a leader goes with it, and what others wrote on the lease stays', async () => {
  const { contend, kept } = await start()
  const one = contend('one', { address: '10.0.0.1:15543' })
  await until('one leads', () => one.lease.leading())
  expect(one.lease.leader()).toEqual({ identity: 'one', address: '10.0.0.1:15543' })
  await one.lease.close()
  const two = contend('two')
  await until('two leads', () => two.lease.leading())
  expect(two.lease.leader()).toEqual({ identity: 'two' })
  expect(kept.lease()?.spec).toMatchObject({ leaseTransitions: 1 })
})

import { afterEach, expect, test } from 'vitest'
import type { Order, Seen } from '../../test/support/api-proxy.ts'
import { startStubApi, statusOf, type StubApi } from '../../test/support/stub-api.ts'
import { until } from '../../test/support/until.ts'
import type { EventFacts } from './event-object.ts'
import { createEvents, type Events } from './events.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function start(
  decide: (seen: Seen) => Order = () => ({ status: 201 }),
): Promise<StubApi & { readonly events: Events; readonly clock: { wallMs: number } }> {
  const stub = await startStubApi(decide)
  const clock = { wallMs: 1_000_000_000_000 }
  const events = createEvents({
    client: stub.client,
    controller: 'tokenward-controller',
    instance: 'controller-0',
    log: stub.log,
    wallMs: () => clock.wallMs,
  })
  closers.push(
    () => stub[Symbol.asyncDispose](),
    () => events.close(),
  )
  return { ...stub, events, clock }
}

const about = (
  note: string,
  regarding: { readonly name?: string; readonly namespace?: string; readonly uid?: string } = {},
): EventFacts => ({
  regarding: { apiVersion: 'v1', kind: 'Pod', name: 'a', namespace: 'shop', ...regarding },
  type: 'Warning',
  reason: 'NotInjected',
  action: 'Inject',
  note,
})

test('the same again is no new Event, and is told once a minute', async () => {
  const { events, api, clock } = await start()
  for (let time = 0; time < 10; time += 1) events.record(about('one'))
  await until('made', () => events.counts().sent === 1)
  expect(events.counts()).toEqual({ sent: 1, repeated: 9, dropped: 0 })
  expect(api.seen.map(({ method }) => method)).toEqual(['POST'])
  clock.wallMs += 5 * 60_000
  events.record(about('one'))
  expect(events.counts().repeated).toBe(10)
})

test('the same after a long time is a new Event', async () => {
  const { events, api, clock } = await start()
  events.record(about('one'))
  clock.wallMs += 6 * 60_000
  events.record(about('one'))
  await until('both are made', () => events.counts().sent === 2)
  expect(api.seen.map(({ method }) => method)).toEqual(['POST', 'POST'])
  const names = api.seen.map(({ body }) => (JSON.parse(body) as { metadata: object }).metadata)
  expect(names[0]).not.toEqual(names[1])
})

test('of one object 25 are told at once and then one each five minutes; another has its own', async () => {
  const { events, clock } = await start()
  for (let number = 0; number < 30; number += 1) {
    // One that is made anew under the same name is none that has its own.
    events.record(about(`note ${number}`, { uid: `uid-${number}` }))
  }
  expect(events.counts().dropped).toBe(5)
  events.record(about('one', { name: 'b' }))
  expect(events.counts().dropped).toBe(5)
  clock.wallMs += 5 * 60_000
  events.record(about('later'))
  events.record(about('too soon'))
  expect(events.counts().dropped).toBe(6)
  await until('all are made', () => events.counts().sent === 27)
})

test('a namespace full of trouble takes nothing from the others', async () => {
  const { events } = await start()
  for (let number = 0; number < 150; number += 1) {
    events.record(about('one', { name: `pod-${number}` }))
  }
  expect(events.counts().dropped).toBe(50)
  events.record(about('one', { namespace: 'payments' }))
  expect(events.counts().dropped).toBe(50)
  await until('all are made', () => events.counts().sent === 101)
})

test('an Event that the server refuses is dropped and logged, and the next one is told', async () => {
  const { events, logged } = await start(({ body }) =>
    body.includes('refused')
      ? { status: 403, body: statusOf(403, 'Forbidden', 'namespace shop is being terminated') }
      : { status: 201 },
  )
  events.record(about('refused'))
  events.record(about('taken'))
  await until('told', () => events.counts().sent === 1)
  expect(events.counts().dropped).toBe(1)
  expect(logged.join()).toContain('is being terminated')
})

test('a server that is away for a moment is asked again', async () => {
  let isAway = true
  const { events } = await start(() => {
    const order: Order = isAway ? 'cut' : { status: 201 }
    isAway = false
    return order
  })
  events.record(about('one'))
  await until('told', () => events.counts().sent === 1)
  expect(events.counts().dropped).toBe(0)
})

test('close lets what waits go out, and takes no more', async () => {
  const { events, api } = await start()
  for (const note of ['one', 'two', 'three']) events.record(about(note))
  await events.close()
  events.record(about('four'))
  expect(api.seen).toHaveLength(3)
})

test('a name is one that the server takes, whatever the object is called', async () => {
  const { events, api } = await start()
  events.record(about('one', { name: `${'a'.repeat(199)}.b` }))
  await until('told', () => events.counts().sent === 1)
  const { metadata } = JSON.parse(api.seen[0]?.body ?? '{}') as { metadata: { name: string } }
  expect(metadata.name).toMatch(/^a{199}\.[0-9a-f]{16}$/)
})

test('one that cannot be an Event is logged, and hurts nobody', async () => {
  const { events, logged } = await start()
  expect(() => events.record(about('one', { namespace: '..' }))).not.toThrow()
  expect(events.counts()).toEqual({ sent: 0, repeated: 0, dropped: 1 })
  expect(logged.join()).toContain('an Event cannot be told')
})

test('an object without a namespace has its Events in default', async () => {
  const { events, api } = await start()
  events.record(about('one', { namespace: '' }))
  await until('told', () => events.counts().sent === 1)
  expect(api.seen[0]?.path).toBe('/apis/events.k8s.io/v1/namespaces/default/events')
})

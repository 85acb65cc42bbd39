import { expect, test } from 'vitest'
import type { Order, Seen } from '../../test/support/api-proxy.ts'
import { listOf, startStubApi, statusOf } from '../../test/support/stub-api.ts'
import { until } from '../../test/support/until.ts'
import { followNamespaces } from './namespaces.ts'

const labels = { 'tokenward.dev/inject': 'enabled' }
const facts = { name: 'shop', labels, annotations: {} }
const shop = { metadata: { name: 'shop', uid: 'u', resourceVersion: '5', labels } }

async function follow(
  ofList: Order,
  ofOne: Order,
): Promise<
  AsyncDisposable & {
    readonly namespaces: ReturnType<typeof followNamespaces>
    readonly asked: () => Seen[]
  }
> {
  const stub = await startStubApi(({ path, isWatch }) => {
    if (isWatch) return 'hang'
    return path.includes('fieldSelector') ? ofOne : ofList
  })
  const namespaces = followNamespaces(stub.client, stub.log)
  return {
    namespaces,
    asked: () => stub.api.seen.filter(({ path }) => path.includes('fieldSelector')),
    async [Symbol.asyncDispose]() {
      namespaces.close()
      await stub[Symbol.asyncDispose]()
    },
  }
}

test('they are followed with their labels, and not all known until they are', async () => {
  await using all = await follow(listOf(7, [shop]), 'hang')
  expect(all.namespaces.problem()).toContain('not all known')
  await until('they are known', () => all.namespaces.problem() === undefined)
  expect(all.namespaces.get('shop')).toEqual(facts)
  expect(all.namespaces.get('other')).toBeUndefined()
})

test('where they may not be read, the problem says which verb is missing', async () => {
  const forbidden = { status: 403, body: statusOf(403, 'Forbidden') }
  await using all = await follow(forbidden, forbidden)
  await until('it is said', () => all.namespaces.problem()?.includes('verb') === true)
  await expect(all.namespaces.fetch('shop')).rejects.toThrow('verb "list"')
})

test('one is read from the API server, and one that is not there is nothing', async () => {
  await using here = await follow('hang', listOf(7, [shop]))
  expect(await here.namespaces.fetch('shop')).toEqual(facts)
  expect(here.asked().map(({ path }) => decodeURIComponent(path))).toEqual([
    '/api/v1/namespaces?fieldSelector=metadata.name=shop&limit=1',
  ])
  await using gone = await follow('hang', listOf(7, []))
  expect(await gone.namespaces.fetch('shop')).toBeUndefined()
})

test('whoever asks about made-up names makes a bounded number of requests', async () => {
  await using all = await follow('hang', 'hang')
  const asked = Array.from({ length: 50 }, (_, n) => all.namespaces.fetch(`made-up-${n}`))
  const same = Array.from({ length: 50 }, () => all.namespaces.fetch('made-up-1'))
  const refused = await Promise.allSettled(asked.slice(8))
  expect(refused.every(({ status }) => status === 'rejected')).toBe(true)
  await until('the others have arrived', () => all.asked().length === 8)
  const ended = Promise.allSettled([...asked, ...same])
  await all[Symbol.asyncDispose]()
  await ended
  expect(all.asked()).toHaveLength(8)
})

test.each(['', '../secrets', 'Shop', 'a/b', 'x'.repeat(64)])(
  'a name such as %j is not asked for',
  async (name) => {
    await using all = await follow('hang', 'hang')
    expect(await all.namespaces.fetch(name)).toBeUndefined()
    expect(all.asked()).toEqual([])
  },
)

import { afterEach, expect, test } from 'vitest'
import { endFollowed, follow, open, paramsOf, refuse, script } from '../../test/support/followed.ts'
import { bookmarkOf, eventOf, listOf, podOf } from '../../test/support/stub-api.ts'
import { until } from '../../test/support/until.ts'

afterEach(endFollowed)

test('a list, then a watch from its version that asks for bookmarks and for an end', async () => {
  const { reflector, names, watched, listed } = await follow(
    script([listOf(10, [podOf('a', 3)])], [open()]),
  )
  expect(reflector.synced()).toBe(false)
  await until('a watch', () => watched().length === 1)
  expect(reflector.synced()).toBe(true)
  expect(names()).toEqual(['a'])
  expect([...reflector.items().keys()]).toEqual(['shop/a'])
  expect(reflector.version()).toBe(10)
  expect(paramsOf(listed()[0])).toEqual({ limit: '500' })
  expect(paramsOf(watched()[0])).toEqual({
    watch: 'true',
    resourceVersion: '10',
    allowWatchBookmarks: 'true',
    timeoutSeconds: '300',
  })
})

test('the end that a watch asks for is 5 to 10 minutes away, at random', async () => {
  const { watched } = await follow(script([listOf(10, [])], [open()]), {
    random: () => 0.999,
    timing: { firstBackoffMs: 5 },
  })
  await until('a watch', () => watched().length === 1)
  expect(paramsOf(watched()[0])['timeoutSeconds']).toBe('599')
})

test('selectors go with lists and watches', async () => {
  const { watched, listed } = await follow(script([listOf(10, [])], [open()]), {
    query: { labelSelector: 'app=orders', fieldSelector: 'metadata.name=a' },
  })
  await until('a watch', () => watched().length === 1)
  for (const seen of [watched()[0], listed()[0]]) {
    expect(paramsOf(seen)).toMatchObject({
      labelSelector: 'app=orders',
      fieldSelector: 'metadata.name=a',
    })
  }
})

test('pages are one view, which appears as a whole', async () => {
  const { reflector, names, watched, listed, changes } = await follow(
    script(
      [
        listOf(10, [podOf('a', 1)], 'page-2'),
        listOf(10, [podOf('b', 2)], 'page-3'),
        listOf(10, [podOf('c', 3)]),
      ],
      [open()],
    ),
  )
  await until('a watch', () => watched().length === 1)
  expect(names()).toEqual(['a', 'b', 'c'])
  expect(listed().map((seen) => paramsOf(seen)['continue'])).toEqual([
    undefined,
    'page-2',
    'page-3',
  ])
  expect(changes()).toBe(1)
  expect(reflector.counts()).toMatchObject({ lists: 1, failures: 0 })
})

test('pages whose version is gone before the last give way to one list of everything', async () => {
  const { names, watched, listed } = await follow(
    script(
      [
        listOf(10, [podOf('gone', 1)], 'page-2'),
        refuse(410, 'Expired'),
        listOf(20, [podOf('a', 11), podOf('b', 12)]),
      ],
      [open()],
    ),
  )
  await until('a watch', () => watched().length === 1)
  expect(names()).toEqual(['a', 'b'])
  expect(paramsOf(listed()[2])).toEqual({})
  expect(paramsOf(watched()[0])['resourceVersion']).toBe('20')
})

test('what is watched changes the view: added, modified, deleted', async () => {
  const { reflector, changes, api, watched } = await follow(
    script([listOf(10, [podOf('a', 3), podOf('b', 4)])], [open()]),
  )
  await until('a watch', () => watched().length === 1)
  api.inject(eventOf('ADDED', podOf('c', 11)) + '\n')
  await until('c is there', () => reflector.items().has('shop/c'))
  api.inject(eventOf('MODIFIED', podOf('a', 12)) + '\n')
  await until('a is new', () => reflector.items().get('shop/a')?.version === '12')
  api.inject(eventOf('DELETED', podOf('b', 13)) + '\n')
  await until('b is gone', () => !reflector.items().has('shop/b'))
  expect(reflector.version()).toBe(13)
  expect(changes()).toBe(4)
})

test('what arrives together is told once', async () => {
  const { reflector, changes } = await follow(
    script(
      [listOf(10, [])],
      [open([11, 12, 13].map((at) => eventOf('ADDED', podOf(`p${at}`, at))).join('\n'))],
    ),
  )
  await until('all are there', () => reflector.items().size === 3)
  expect(changes()).toBe(2)
})

test('a bookmark raises the version and changes nothing', async () => {
  const { reflector, changes } = await follow(script([listOf(10, [])], [open(bookmarkOf(99))]))
  await until('the version rises', () => reflector.version() === 99)
  expect(changes()).toBe(1)
  expect(reflector.counts().events).toBe(0)
})

test('what the transform leaves out is not there, and goes when it becomes so', async () => {
  const { reflector, watched, api, names } = await follow(
    script([listOf(10, [podOf('a', 1), podOf('b', 2, { phase: 'Succeeded' })])], [open()]),
    {
      transform: ({ metadata, ...rest }) =>
        rest['phase'] === 'Succeeded'
          ? undefined
          : { name: metadata.name, version: metadata.resourceVersion },
    },
  )
  await until('a watch', () => watched().length === 1)
  expect(names()).toEqual(['a'])
  api.inject(eventOf('MODIFIED', podOf('a', 11, { phase: 'Succeeded' })) + '\n')
  await until('a is gone', () => reflector.items().size === 0)
})

test('a change of what is not kept is not told', async () => {
  const { reflector, changes } = await follow(
    script([listOf(10, [podOf('a', 1)])], [open(eventOf('MODIFIED', podOf('a', 11)))]),
    { transform: ({ metadata }) => ({ name: metadata.name, version: '' }) },
  )
  await until('the event is seen', () => reflector.version() === 11)
  expect(changes()).toBe(1)
})

test('a transform sees the kind in lists too, and never managedFields', async () => {
  const seen: object[] = []
  const { reflector } = await follow(
    script([listOf(10, [podOf('a', 1)])], [open(eventOf('ADDED', podOf('b', 11)))]),
    {
      transform(object) {
        seen.push(object)
        return { name: '', version: '' }
      },
    },
  )
  await until('both are there', () => reflector.items().size === 2)
  for (const object of seen) {
    expect(object).toMatchObject({ kind: 'Pod', apiVersion: 'v1' })
    expect(JSON.stringify(object)).not.toContain('managedFields')
  }
})

test('an object that the transform cannot read is left out and named, until it can', async () => {
  const { reflector, watched, api, names, logged } = await follow(
    script([listOf(10, [podOf('a', 1), podOf('odd', 2, { isOdd: true })])], [open()]),
    {
      transform({ metadata, ...rest }) {
        if (rest['isOdd'] === true) throw new Error('spec.ports is no list')
        return { name: metadata.name, version: metadata.resourceVersion }
      },
    },
  )
  await until('a watch', () => watched().length === 1)
  expect(names()).toEqual(['a'])
  expect(reflector.problem()).toMatch(/shop\/odd: spec.ports is no list/)
  expect(logged.join()).toContain('an object is left out')
  api.inject(eventOf('MODIFIED', podOf('odd', 11)) + '\n')
  await until('odd is there', () => reflector.items().has('shop/odd'))
  expect(reflector.problem()).toBeUndefined()
})

test.each([
  ['deleted', eventOf('DELETED', podOf('odd', 11, { isOdd: true }))],
  ['not wanted any more', eventOf('MODIFIED', podOf('odd', 11, { isGone: true }))],
])('an object that cannot be read and is %s is named no more', async (_, line) => {
  const { reflector, watched, api } = await follow(
    script([listOf(10, [podOf('odd', 2, { isOdd: true })])], [open()]),
    {
      transform(object) {
        if (object['isOdd'] === true) throw new Error('spec.ports is no list')
        return undefined
      },
    },
  )
  await until('a watch', () => watched().length === 1)
  expect(reflector.problem()).toContain('shop/odd')
  api.inject(line + '\n')
  await until('the event is seen', () => reflector.version() === 11)
  expect(reflector.problem()).toBeUndefined()
})

test('a failing onChange ends nothing', async () => {
  const { reflector, api, watched, logged } = await follow(script([listOf(10, [])], [open()]), {
    onChange() {
      throw new Error('a mistake')
    },
  })
  await until('a watch', () => watched().length === 1)
  api.inject(eventOf('ADDED', podOf('a', 11)) + '\n')
  await until('a is there', () => reflector.items().has('shop/a'))
  expect(logged.join()).toContain('what follows a change failed')
  expect(watched()).toHaveLength(1)
})

test('after close there are no more requests and no more changes', async () => {
  const { reflector, api, watched, changes } = await follow(script([listOf(10, [])], [open()]))
  await until('a watch', () => watched().length === 1)
  reflector.close()
  await until('the watch is gone', () => api.watches() === 0)
  expect(changes()).toBe(1)
  expect(api.seen).toHaveLength(2)
})

test('the age is of the last proof: list, event or bookmark, on the clock that went further', async () => {
  let monotonicMs = 0
  let wallMs = 1_000_000
  const { reflector, api, watched } = await follow(script([listOf(10, [])], [open()]), {
    monotonicMs: () => monotonicMs,
    wallMs: () => wallMs,
  })
  expect(reflector.ageMs()).toBe(Infinity)
  await until('a watch', () => watched().length === 1)
  expect(reflector.ageMs()).toBe(0)
  monotonicMs += 5000
  wallMs += 7000
  expect(reflector.ageMs()).toBe(7000)
  api.inject(bookmarkOf(11) + '\n')
  await until('proven', () => reflector.version() === 11)
  expect(reflector.ageMs()).toBe(0)
  wallMs -= 60_000
  expect(reflector.ageMs()).toBe(0)
})

import { afterEach, expect, test } from 'vitest'
import type { Order } from '../../test/support/api-proxy.ts'
import {
  endFollowed,
  errorLine,
  follow,
  open,
  paramsOf,
  quick,
  refuse,
  script,
} from '../../test/support/followed.ts'
import { bookmarkOf, eventOf, listOf, podOf, statusOf, token } from '../../test/support/stub-api.ts'
import { until } from '../../test/support/until.ts'

afterEach(endFollowed)

/** Ends in order after what it brought. */
function ending(...lines: string[]): Order {
  return { status: 200, body: lines.map((line) => line + '\n').join('') }
}

test('a watch that the server ends goes on at once from the last version, with no list', async () => {
  const { watched, listed, reflector, api } = await follow(
    script([listOf(10, [])], [open(bookmarkOf(42)), open()]),
    { timing: { ...quick, firstBackoffMs: 60_000, longestBackoffMs: 60_000 } },
  )
  await until('a bookmark', () => reflector.version() === 42)
  // One that lived is no failure; the next comes with no delay.
  await until('a second', () => reflector.ageMs() > 1000)
  api.endWatches('end')
  await until('a second watch', () => watched().length === 2)
  expect(paramsOf(watched()[1])['resourceVersion']).toBe('42')
  expect(listed()).toHaveLength(1)
  expect(reflector.counts().failures).toBe(0)
})

test('a watch that ends as soon as it began is a failure, not a loop', async () => {
  const { watched, reflector } = await follow(script([listOf(10, [])], [ending(), open()]), {
    timing: { ...quick, firstBackoffMs: 60_000, longestBackoffMs: 60_000 },
  })
  await until('a failure', () => reflector.counts().failures === 1)
  expect(reflector.problem()).toContain('ended as soon as it began')
  expect(watched()).toHaveLength(1)
})

const expiries: readonly (readonly [string, Order])[] = [
  ['an ERROR line with 410', open(eventOf('ADDED', podOf('c', 11)), errorLine(410, 'Expired'))],
  ['the answer 410', refuse(410, 'Gone')],
  [
    'a version that the store does not have yet',
    {
      status: 504,
      body: statusOf(504, 'Timeout', 'Too large resource version: 10, current: 5', {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      }),
    },
  ],
]
test.each(expiries)('%s leads to a new list, which shows what was deleted', async (_, watch) => {
  const { watched, names, api } = await follow(
    script(
      [listOf(10, [podOf('a', 1), podOf('b', 2)]), listOf(20, [podOf('b', 2)])],
      [watch, open()],
    ),
  )
  await until('a second watch', () => watched().length === 2)
  expect(names()).toEqual(['b'])
  expect(paramsOf(watched()[1])['resourceVersion']).toBe('20')
  expect(api.seen.filter(({ isWatch }) => !isWatch)).toHaveLength(2)
})

test('a version that is too old after an absence is listed anew without the waits of the absence', async () => {
  const away = Array.from({ length: 5 }, () => refuse(500, 'InternalError'))
  const { watched, listed } = await follow(
    script([listOf(10, []), listOf(20, [])], [...away, refuse(410, 'Gone'), open()]),
    { timing: { ...quick, firstBackoffMs: 40, longestBackoffMs: 60_000 } },
  )
  await until('the answer 410', () => watched().length === 6)
  const heardMs = performance.now()
  await until('a second list', () => listed().length === 2)
  // After five failures the wait would be 640 ms at least.
  expect(performance.now() - heardMs).toBeLessThan(500)
})

test('a storm of 410 is answered with longer and longer waits', async () => {
  const { reflector } = await follow(script([listOf(10, [])], [refuse(410, 'Gone')]), {
    timing: { ...quick, firstBackoffMs: 100, longestBackoffMs: 60_000 },
  })
  await until('three failures', () => reflector.counts().failures === 3)
  // 50 + 100 ms of waiting between them, with no chance added.
  expect(reflector.counts().lists).toBe(3)
  expect(reflector.problem()).toContain('too old')
})

const hiccups: readonly (readonly [string, Order])[] = [
  ['the answer 500', refuse(500, 'InternalError')],
  ['an ERROR line with 500', open(errorLine(500, 'InternalError'))],
  ['a connection that is cut before the answer', 'cut'],
  ['the answer 429 without a time', refuse(429, 'TooManyRequests')],
]
test.each(hiccups)(
  'after %s the watch goes on from where it was, with no list',
  async (_, watch) => {
    const { watched, listed, reflector } = await follow(script([listOf(10, [])], [watch, open()]))
    await until('a second watch', () => reflector.problem() === undefined && watched().length > 1)
    expect(paramsOf(watched().at(-1))['resourceVersion']).toBe('10')
    expect(listed()).toHaveLength(1)
  },
)

test('a connection that breaks in the middle goes on from the last event', async () => {
  const { watched, listed, reflector, api } = await follow(
    script([listOf(10, [])], [open(eventOf('ADDED', podOf('a', 17))), open()]),
  )
  await until('an event', () => reflector.version() === 17)
  api.endWatches('break')
  await until('a second watch', () => watched().length === 2)
  expect(paramsOf(watched()[1])['resourceVersion']).toBe('17')
  expect(listed()).toHaveLength(1)
})

test('a server that could not be reached is asked as soon as anybody got an answer from it', async () => {
  const refusals: Order[] = ['cut']
  const { client, reflector, watched } = await follow(
    ({ path, isWatch }) =>
      path === '/version'
        ? { status: 200 }
        : isWatch
          ? open()
          : (refusals.shift() ?? listOf(10, [])),
    {
      timing: {
        ...quick,
        firstBackoffMs: 60_000,
        longestBackoffMs: 60_000,
        awayBackoffMs: 60_000,
      },
    },
  )
  await until('it is away', () => reflector.problem()?.includes('cannot be reached') === true)
  expect(watched()).toHaveLength(0)
  await client.request({ method: 'GET', path: '/version' })
  await until('a watch', () => watched().length === 1)
})

const starting: readonly (readonly [string, Order])[] = [
  ['knows no roles yet (403)', refuse(403, 'Forbidden')],
  ['knows no tokens yet (401)', refuse(401, 'Unauthorized')],
  ['serves no custom resources yet (404)', refuse(404, 'NotFound')],
  ['is not ready (503)', refuse(503, 'ServiceUnavailable')],
]
const waits = { ...quick, firstBackoffMs: 100, longestBackoffMs: 60_000 }
/** Ten failures; without a shorter wait they would take 51 s. */
const tenFailures = (first: Order, then: Order): Order[] => [
  ...Array.from({ length: 5 }, () => first),
  ...Array.from({ length: 5 }, () => then),
]
test.each(starting)('a server that was away and %s is asked again soon', async (_, answer) => {
  const { reflector } = await follow(script([...tenFailures('cut', answer), listOf(10, [])], []), {
    timing: { ...waits, awayBackoffMs: 40, returnBackoffMs: 40 },
  })
  await until('it is followed', () => reflector.synced(), 3000)
  expect(reflector.counts().failures).toBe(10)
})

test.each(starting)('a server that was not away and %s is given time', async (_, answer) => {
  const { listed } = await follow(script([answer], []), {
    timing: { ...waits, awayBackoffMs: 40, returnBackoffMs: 40 },
  })
  const startMs = performance.now()
  await until('the fourth list', () => listed().length === 4)
  // 50 + 100 + 200 ms, with no chance added.
  expect(performance.now() - startMs).toBeGreaterThan(300)
})

test('a server that was away long ago is given time again', async () => {
  let nowMs = 0
  const { reflector, listed } = await follow(script(['cut', refuse(403, 'Forbidden')], []), {
    timing: { ...waits, longestBackoffMs: 400, awayBackoffMs: 40, returnBackoffMs: 40 },
    monotonicMs: () => nowMs,
  })
  await until('it is back', () => reflector.problem()?.includes('forbids') === true)
  nowMs = 61_000
  const count = listed().length
  const startMs = performance.now()
  await until('two more', () => listed().length >= count + 3)
  expect(performance.now() - startMs).toBeGreaterThan(300)
})

test('one that asked to wait is not asked sooner because it answers others', async () => {
  const wait = refuse(503, 'ServiceUnavailable')
  const { client, reflector, listed } = await follow(
    ({ path }) => (path === '/version' ? { status: 200 } : wait),
    { timing: { ...quick, firstBackoffMs: 60_000, longestBackoffMs: 60_000 } },
  )
  await until('it waits', () => reflector.counts().failures === 1)
  for (let time = 0; time < 3; time += 1) await client.request({ method: 'GET', path: '/version' })
  expect(listed().filter(({ path }) => path !== '/version')).toHaveLength(1)
})

test('Retry-After is kept', async () => {
  const wait = refuse(429, 'TooManyRequests', { headers: { 'retry-after': '1' } })
  const { watched, reflector } = await follow(script([wait, listOf(10, [])], [open()]))
  await until('refused', () => reflector.counts().failures === 1)
  const refusedAtMs = performance.now()
  await until('a watch', () => watched().length === 1)
  expect(performance.now() - refusedAtMs).toBeGreaterThan(900)
})

test('a server that sends bookmarks and falls silent is taken for dead', async () => {
  const { watched, listed, reflector, api } = await follow(
    script([listOf(10, [])], [open(bookmarkOf(12)), open()]),
    { timing: { ...quick, silenceMs: 150 } },
  )
  await until('a bookmark', () => reflector.version() === 12)
  api.freeze()
  await until('a second watch', () => watched().length === 2)
  expect(paramsOf(watched()[1])['resourceVersion']).toBe('12')
  expect(listed()).toHaveLength(1)
})

test('one that never sent any may be silent until its time is over, and is cut soon after', async () => {
  const { watched, reflector } = await follow(script([listOf(10, [])], [open(), open()]), {
    timing: { ...quick, watchSeconds: 1, silenceMs: 100, graceMs: 200 },
  })
  await until('a watch', () => watched().length === 1)
  const startMs = performance.now()
  await until('a second watch', () => watched().length === 2)
  expect(performance.now() - startMs).toBeGreaterThan(1100)
  expect(reflector.counts().failures).toBe(1)
})

const badLines: readonly (readonly [string, string])[] = [
  ['no JSON', '{"type":"ADDED","object":{"metadata":{"name":"hidden-words'],
  ['no event', '{"type":"RENAMED","object":{"metadata":{"name":"hidden-words"}}}'],
  ['no object', '[1,"hidden-words"]'],
  ['an object without a name', '{"type":"ADDED","object":{"metadata":{"x":"hidden-words"}}}'],
  ['an object without a version', '{"type":"ADDED","object":{"metadata":{"name":"hidden-words"}}}'],
  [
    'a version that is no number',
    '{"type":"ADDED","object":{"metadata":{"name":"hidden-words","resourceVersion":"new"}}}',
  ],
  ['a bookmark without a version', '{"type":"BOOKMARK","object":{"metadata":{}}}'],
]
test.each(badLines)(
  'a line that is %s is counted, logged without its words, and leads to a list',
  async (_, line) => {
    const { watched, listed, reflector, logged, names } = await follow(
      script([listOf(10, [podOf('a', 1)]), listOf(30, [podOf('b', 29)])], [open(line), open()]),
    )
    await until('a second watch', () => watched().length === 2)
    expect(names()).toEqual(['b'])
    expect(reflector.counts().badLines).toBe(1)
    expect(listed()).toHaveLength(2)
    expect(logged.join()).toContain('BadLineError')
    expect(logged.join()).not.toContain('hidden-words')
  },
)

test('a line that is cut by the end of the watch is a bad line', async () => {
  const { watched, reflector } = await follow(
    script([listOf(10, [])], [{ status: 200, body: '{"type":"ADD' }, open()]),
  )
  await until('a second watch', () => watched().length === 2)
  expect(reflector.counts().badLines).toBe(1)
})

test('a list that is not one is retried, and the view stays', async () => {
  const { reflector, logged } = await follow(
    script([{ status: 200, body: 'not JSON' }, listOf(10, [podOf('a', 1)])], [open()]),
  )
  await until('synced', () => reflector.synced())
  expect(logged.join()).toContain('the answer is not JSON')
})

const absences: readonly (readonly [string, Order, RegExp])[] = [
  [
    'a resource that is not there yet (a text)',
    { status: 404, body: '404 page not found\n' },
    /serves no pods in v1 \(404\); is its CustomResourceDefinition installed\?/,
  ],
  [
    'a resource that is not there yet (a Status)',
    refuse(404, 'NotFound'),
    /is its CustomResourceDefinition installed\?/,
  ],
  ['a verb that is forbidden', refuse(403, 'Forbidden'), /must grant the verb "list" on pods/],
  ['credentials that are refused', refuse(401, 'Unauthorized'), /does not accept our credentials/],
]
test.each(absences)('%s is a state with a reason, until it ends', async (_, answer, reason) => {
  const { reflector, watched, logged, names } = await follow(
    script([answer, answer, answer, listOf(10, [podOf('a', 1)])], [open()]),
    { timing: { ...quick, firstBackoffMs: 50, longestBackoffMs: 50 } },
  )
  await until('a problem', () => reflector.problem() !== undefined)
  expect(reflector.problem()).toMatch(reason)
  expect(reflector.synced()).toBe(false)
  await until('a watch', () => watched().length === 1)
  await until('no problem', () => reflector.problem() === undefined)
  expect(names()).toEqual(['a'])
  // Said once, not at each attempt.
  expect(logged.filter((line) => line.includes('not followed'))).toHaveLength(1)
  expect(logged.filter((line) => line.includes('followed again'))).toHaveLength(1)
})

test('a resource that goes away while it is watched leaves the view as it was, with a reason', async () => {
  const gone: Order = { status: 404, body: '404 page not found\n' }
  const { reflector, names } = await follow(script([listOf(10, [podOf('a', 1)]), gone], [gone]))
  await until('two failures', () => reflector.counts().failures >= 2)
  expect(names()).toEqual(['a'])
  expect(reflector.problem()).toContain('is its CustomResourceDefinition installed?')
})

test('a store that went back takes the view and its version along, and says so', async () => {
  const { reflector, names, logged } = await follow(
    script(
      [listOf(100, [podOf('new', 99)]), listOf(50, [podOf('old', 49)])],
      [refuse(410, 'Gone'), open()],
    ),
  )
  await until('the old', () => names().includes('old'))
  expect(reflector.version()).toBe(50)
  expect(logged.join()).toContain('the store went back')
})

test('no token is in what is logged or said', async () => {
  const { reflector, logged, api } = await follow(script([refuse(401, 'Unauthorized')], [open()]))
  await until('refused twice', () => reflector.counts().failures >= 2)
  expect(api.seen[0]?.authorization).toBe(`Bearer ${token}`)
  expect(logged.join() + (reflector.problem() ?? '')).not.toContain(token)
})

test('an idle reflector reopens its watch when its time is over, and asks for nothing else', async () => {
  const startMs = performance.now()
  const { watched, listed, api, reflector } = await follow(script([listOf(10, [])], [open()]), {
    timing: { ...quick, watchSeconds: 1 },
  })
  for (const count of [1, 2, 3]) {
    await until(`watch ${count}`, () => watched().length === count)
    const endAtMs = startMs + count * 1050
    await until('its time is over', () => performance.now() > endAtMs)
    api.endWatches('end')
  }
  await until('watch 4', () => watched().length === 4)
  expect(listed()).toHaveLength(1)
  expect(reflector.counts()).toEqual({ lists: 1, watches: 4, events: 0, badLines: 0, failures: 0 })
})

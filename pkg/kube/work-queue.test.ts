import { afterEach, expect, test } from 'vitest'
import { until } from '../../test/support/until.ts'
import { createLog } from '../telemetry/log.ts'
import { KubeError } from './kube-error.ts'
import { createWorkQueue, type WorkQueue } from './work-queue.ts'

const queues: WorkQueue[] = []
afterEach(async () => {
  await Promise.all(queues.splice(0).map((queue) => queue.close()))
})

/** A queue whose runs a test ends one by one. */
function start(options: { readonly workers?: number; readonly random?: () => number } = {}): {
  readonly queue: WorkQueue
  /** Keys in the order in which they began. */
  readonly begun: string[]
  /** Ends the oldest run of a key; with an error, it fails. */
  readonly end: (key: string, error?: Error) => void
  readonly logged: string[]
} {
  const begun: string[] = []
  const logged: string[] = []
  const running: { key: string; end: (error?: Error) => void }[] = []
  const queue = createWorkQueue({
    name: 'test',
    work: (key) =>
      new Promise<void>((resolve, reject) => {
        begun.push(key)
        running.push({ key, end: (error) => (error === undefined ? resolve() : reject(error)) })
      }),
    log: createLog({ name: 'test', level: 'warn', write: (line) => logged.push(line) }),
    random: () => 1,
    ...options,
  })
  queues.push(queue)
  const end = (key: string, error?: Error): void => {
    const at = running.findIndex((run) => run.key === key)
    running.splice(at, 1)[0]?.end(error)
  }
  return { queue, begun, end, logged }
}

test('a key that waits already is not there twice', async () => {
  const { queue, begun, end } = start({ workers: 1 })
  for (const key of ['a', 'b', 'b', 'c', 'b']) queue.add(key)
  expect(queue.counts().waiting).toBe(2)
  for (const key of ['a', 'b', 'c']) {
    await until(`${key} runs`, () => begun.at(-1) === key)
    end(key)
  }
  await until('all are done', () => queue.counts().done === 3)
  expect(begun).toEqual(['a', 'b', 'c'])
})

test('a key never runs twice at once, and what is added while it runs runs once afterwards', async () => {
  const { queue, begun, end } = start()
  queue.add('a')
  for (let time = 0; time < 3; time += 1) queue.add('a')
  expect(begun).toEqual(['a'])
  end('a')
  await until('it runs again', () => begun.length === 2)
  end('a')
  await until('both are done', () => queue.counts().done === 2)
  expect(queue.counts()).toMatchObject({ waiting: 0, later: 0 })
})

test('other keys run meanwhile, as many as there are workers', () => {
  const { queue, begun, end } = start({ workers: 2 })
  for (const key of ['a', 'b', 'c']) queue.add(key)
  expect(begun).toEqual(['a', 'b'])
  end('b')
  return until('c runs', () => begun.at(-1) === 'c').then(() => {
    end('a')
    end('c')
  })
})

test('one that fails comes back later and later, and anew after a success', async () => {
  const { queue, begun, end, logged } = start()
  queue.add('a')
  const waitsMs: number[] = []
  for (let time = 1; time <= 3; time += 1) {
    const failedAtMs = performance.now()
    end('a', new Error('not now'))
    await until(`run ${time + 1}`, () => begun.length === time + 1)
    waitsMs.push(performance.now() - failedAtMs)
  }
  for (const [at, leastMs] of [50, 100, 200].entries()) {
    expect(waitsMs[at]).toBeGreaterThan(leastMs - 5)
  }
  end('a')
  await until('done', () => queue.counts().done === 1)
  queue.add('a')
  const failedAtMs = performance.now()
  end('a', new Error('not now'))
  await until('run 6', () => begun.length === 6)
  expect(performance.now() - failedAtMs).toBeLessThan(190)
  expect(queue.counts()).toMatchObject({ failed: 4, done: 1 })
  expect(logged[0]).toContain('not now')
  end('a')
})

const refusal = (retryAfterSeconds: number): KubeError =>
  new KubeError({ status: 429, reason: 'TooManyRequests', message: 'wait', retryAfterSeconds })

test.each([
  ['alone', () => undefined],
  ['and is added meanwhile', (queue: WorkQueue) => queue.add('a')],
])('a key that a server refuses %s comes at the time that it asks for', async (_, meanwhile) => {
  const { queue, begun, end } = start()
  queue.add('a')
  const failedAtMs = performance.now()
  end('a', refusal(1))
  await until('it waits', () => queue.counts().later === 1)
  meanwhile(queue)
  await until('it runs again', () => begun.length === 2)
  expect(performance.now() - failedAtMs).toBeGreaterThan(990)
  end('a')
})

test('a server that asks for months is not asked at once', async () => {
  const { queue, begun, end, logged } = start()
  queue.add('a')
  end('a', refusal(30 * 86_400))
  await until('it waits', () => queue.counts().later === 1)
  expect(logged[0]).toContain('"retryInMs":300000')
  expect(begun).toEqual(['a'])
})

test('one that waits after a failure runs at once when it is added again', async () => {
  const { queue, begun, end } = start()
  queue.add('a')
  end('a', new Error('not now'))
  await until('it waits', () => queue.counts().later === 1)
  queue.add('a')
  expect(begun).toHaveLength(2)
  expect(queue.counts().later).toBe(0)
  end('a')
})

test('of two times at which a key is to come the earlier counts', async () => {
  const { queue, begun, end } = start()
  queue.addAfter('a', 60_000)
  queue.addAfter('a', 10)
  queue.addAfter('a', 60_000)
  await until('it runs', () => begun.length === 1)
  expect(queue.counts().later).toBe(0)
  end('a')
})

test('close waits for what runs, and drops what waits', async () => {
  const { queue, begun, end } = start({ workers: 1 })
  queue.add('a')
  queue.add('b')
  queue.addAfter('c', 5)
  let isClosed = false
  const closed = queue.close().then(() => (isClosed = true))
  queue.add('d')
  await new Promise((resolve) => setImmediate(resolve))
  expect(isClosed).toBe(false)
  end('a')
  await closed
  expect(begun).toEqual(['a'])
})

test('what fails while the queue closes does not come back', async () => {
  const { queue, begun, end } = start()
  queue.add('a')
  const closed = queue.close()
  end('a', new Error('not now'))
  await closed
  expect(begun).toEqual(['a'])
  expect(queue.counts().later).toBe(0)
})

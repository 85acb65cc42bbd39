import { expect, test } from 'vitest'
import { createSingleFlight } from './single-flight.ts'

test('who asks while the work is under way gets its outcome', async () => {
  const flight = createSingleFlight<number>()
  let runs = 0
  let finish = (): void => {}
  const gate = new Promise<void>((resolve) => (finish = resolve))
  const work = async (): Promise<number> => {
    runs += 1
    await gate
    return runs
  }
  const asked = [flight.run('k', work), flight.run('k', work), flight.run('k', work)]
  expect(flight.has('k')).toBe(true)
  finish()
  expect(await Promise.all(asked)).toEqual([1, 1, 1])
  expect(flight.has('k')).toBe(false)
})

test('different keys do not wait for each other', async () => {
  const flight = createSingleFlight<string>()
  const asked = ['a', 'b'].map((key) => flight.run(key, () => Promise.resolve(key)))
  expect(await Promise.all(asked)).toEqual(['a', 'b'])
})

test.each([
  ['rejects', () => Promise.reject(new Error('no'))],
  [
    'throws',
    () => {
      throw new Error('no')
    },
  ],
])('work that %s fails everyone who waited, and the next call runs it again', async (_, work) => {
  const flight = createSingleFlight<number>()
  const asked = [flight.run('k', work), flight.run('k', work)]
  for (const outcome of await Promise.allSettled(asked)) expect(outcome.status).toBe('rejected')
  expect(await flight.run('k', () => Promise.resolve(2))).toBe(2)
})

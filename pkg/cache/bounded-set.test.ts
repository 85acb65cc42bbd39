import { expect, test } from 'vitest'
import { createBoundedSet } from './bounded-set.ts'

test('what was added is there, and nothing else', () => {
  const set = createBoundedSet({ maxEntries: 4 })
  set.add('a')
  expect([set.has('a'), set.has('b'), set.size]).toEqual([true, false, 1])
})

test('it never holds more than its bound, and forgets the oldest first', () => {
  const set = createBoundedSet({ maxEntries: 4 })
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    set.add(key)
    expect(set.size).toBeLessThanOrEqual(4)
  }
  expect(['a', 'b', 'c', 'd', 'e'].map((key) => set.has(key))).toEqual([
    false,
    false,
    true,
    true,
    true,
  ])
})

test('what is asked for stays', () => {
  const set = createBoundedSet({ maxEntries: 4 })
  set.add('a')
  for (const key of ['b', 'c', 'd', 'e', 'f', 'g']) {
    set.add(key)
    expect(set.has('a')).toBe(true)
    expect(set.size).toBeLessThanOrEqual(4)
  }
})

test('what is added again is there once', () => {
  const set = createBoundedSet({ maxEntries: 4 })
  for (const key of ['a', 'b', 'a', 'b', 'b']) set.add(key)
  expect(set.size).toBe(2)
})

import { expect, test } from 'vitest'
import { createBoundedMap } from './bounded-map.ts'

test('the least recently used entry goes when the bytes are full', () => {
  const map = createBoundedMap<string>({ maxBytes: 10, sizeBytes: (value) => value.length })
  map.set('a', 'xxxxx')
  map.set('b', 'yyyyy')
  expect(map.get('a')).toBe('xxxxx')
  map.set('c', 'z')
  expect(map.get('b')).toBeUndefined()
  expect(map.get('a')).toBe('xxxxx')
  expect([map.size, map.bytes]).toEqual([2, 6])
})

test('an entry larger than the bound is not kept, and what was there under its key is gone', () => {
  const map = createBoundedMap<string>({ maxBytes: 10, sizeBytes: (value) => value.length })
  map.set('a', 'small')
  map.set('a', 'x'.repeat(11))
  expect(map.get('a')).toBeUndefined()
  expect(map.bytes).toBe(0)
})

test('what an entry costs can be said when it is set', () => {
  const map = createBoundedMap<number>({ maxBytes: 10 })
  map.set('a', 1, 6)
  map.set('b', 2, 4)
  expect(map.bytes).toBe(10)
  map.set('c', 3, 1)
  expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([undefined, 2, 3])
})

test('the bound on entries holds', () => {
  const map = createBoundedMap<number>({ maxEntries: 2 })
  for (const key of ['a', 'b', 'c']) map.set(key, 1)
  expect(map.size).toBe(2)
  expect(map.get('a')).toBeUndefined()
  expect(map.bytes).toBe(0)
})

test('an entry ages out from the time it was set, however often it is read', () => {
  let nowMs = 1_000
  const map = createBoundedMap<number>({ maxEntries: 8, ttlMs: 100, nowMs: () => nowMs })
  map.set('a', 1)
  nowMs += 90
  expect(map.get('a')).toBe(1)
  nowMs += 20
  expect(map.get('a')).toBeUndefined()
})

test('delete and clear forget', () => {
  const map = createBoundedMap<number>({ maxEntries: 8 })
  map.set('a', 1)
  map.set('b', 2)
  map.delete('a')
  expect(map.get('a')).toBeUndefined()
  map.clear()
  expect(map.size).toBe(0)
})

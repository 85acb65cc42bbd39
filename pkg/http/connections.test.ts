import { expect, test } from 'vitest'
import { connectionsWithin } from './connections.ts'

const mebibyte = 1024 * 1024

test.each([
  ['no limit', 0, 10_000],
  ['the largest number, which is none', Number.MAX_SAFE_INTEGER, 10_000],
  ['256 MiB', 256 * mebibyte, 1_638],
  ['1 GiB', 1024 * mebibyte, 6_553],
])('within %s idle connections take less than half', (_, memoryBytes, connections) => {
  expect(connectionsWithin(memoryBytes)).toBe(connections)
})

import { expect, test } from 'vitest'
import { unknownKeys } from './keys.ts'

test('a key that means nothing is told of, with the one that was meant', () => {
  const labels = { 'tokenward.dev/injekt': 'enabled', 'tokenward.dev/inject': 'enabled', app: 'a' }
  expect(unknownKeys('pod', { labels })).toEqual([
    'label tokenward.dev/injekt of the pod means nothing there and is not read; did you mean tokenward.dev/inject?',
  ])
})

test('of a flood of keys sixteen are looked at', () => {
  const labels = Object.fromEntries(
    Array.from({ length: 100_000 }, (_, at) => [`tokenward.dev/exclude-inbound-po${at}`, '']),
  )
  expect(unknownKeys('pod', { labels })).toHaveLength(16)
})

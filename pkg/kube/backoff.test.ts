import { expect, test } from 'vitest'
import { createBackoff } from './backoff.ts'

const settings = { firstMs: 800, longestMs: 30_000, resetMs: 120_000 }

test('delays double up to the longest', () => {
  const backoff = createBackoff({ ...settings, random: () => 1, nowMs: () => 0 })
  expect(Array.from({ length: 8 }, () => backoff.nextMs())).toEqual([
    800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
  ])
})

test('half of each is left to chance', () => {
  const backoff = createBackoff({ ...settings, random: () => 0, nowMs: () => 0 })
  expect(Array.from({ length: 3 }, () => backoff.nextMs())).toEqual([400, 800, 1600])
})

test('they start anew after two minutes without a failure, and not before', () => {
  let nowMs = 0
  const backoff = createBackoff({ ...settings, random: () => 1, nowMs: () => nowMs })
  backoff.nextMs()
  nowMs += 800 + 120_000
  expect(backoff.nextMs()).toBe(1600)
  nowMs += 1600 + 120_001
  expect(backoff.nextMs()).toBe(800)
})

import { expect, test } from 'vitest'
import { createResolve } from './resolve.ts'

test('a name is asked for once and remembered for a few seconds', async () => {
  const clock = { ms: 1 }
  const asked: string[] = []
  const resolve = createResolve({
    ask: (host) => {
      asked.push(host)
      return Promise.resolve(`10.0.0.${asked.length}`)
    },
    nowMs: () => clock.ms,
  })
  expect(await Promise.all([resolve('a'), resolve('a')])).toEqual(['10.0.0.1', '10.0.0.1'])
  clock.ms += 4_999
  expect(await resolve('a')).toBe('10.0.0.1')
  clock.ms += 2
  expect(await resolve('a')).toBe('10.0.0.2')
  expect(asked).toEqual(['a', 'a'])
})

test('a name that does not resolve is unreachable, and asked for again', async () => {
  let fails = true
  const resolve = createResolve({
    ask: () => (fails ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve('10.0.0.1')),
  })
  await expect(resolve('a')).rejects.toMatchObject({ reason: 'upstream_unreachable' })
  fails = false
  expect(await resolve('a')).toBe('10.0.0.1')
})

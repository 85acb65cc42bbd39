import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { quietLog } from '../../test/support/discovery.ts'
import { until } from '../../test/support/until.ts'
import { followFiles, type FollowedFiles } from './follow-files.ts'

let folder: string
let followed: FollowedFiles | undefined
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tokenward-follow-'))
})
afterEach(() => {
  followed?.close()
  rmSync(folder, { recursive: true, force: true })
})

/** As the kubelet does: each version in a folder of its own, behind a link that is swapped. */
function mount(version: number, contents: Readonly<Record<string, string>>): void {
  const own = path.join(folder, `..${version}`)
  mkdirSync(own)
  for (const [name, text] of Object.entries(contents)) writeFileSync(path.join(own, name), text)
  symlinkSync(own, path.join(folder, 'next'))
  renameSync(path.join(folder, 'next'), path.join(folder, 'data'))
}

function follow(applied?: readonly string[]) {
  const got: (readonly string[])[] = []
  const logs: string[] = []
  followed = followFiles({
    files: ['a', 'b'].map((name) => path.join(folder, 'data', name)),
    ...(applied === undefined ? {} : { applied }),
    apply: (contents) => {
      if (contents.includes('damaged')) throw new Error('it is damaged')
      got.push(contents)
    },
    log: quietLog(logs),
    everyMs: 5,
  })
  return { got, warnings: () => logs.filter((line) => line.includes('not used')) }
}

test('a swapped link is seen, once, with all files', async () => {
  mount(1, { a: '1', b: '1' })
  const { got } = follow(['1', '1'])
  mount(2, { a: '2', b: '1' })
  await until('it is applied', () => got.length > 0)
  mount(3, { a: '2', b: '1' })
  mount(4, { a: '4', b: '4' })
  await until('the next is applied', () => got.length > 1)
  expect(got).toEqual([
    ['2', '1'],
    ['4', '4'],
  ])
})

test('what is damaged or missing is said once and left aside, and the next is taken', async () => {
  mount(1, { a: '1', b: '1' })
  const { got, warnings } = follow(['1', '1'])
  mount(2, { a: 'damaged', b: '2' })
  await until('it is said', () => warnings().length === 1)
  expect(warnings()[0]).toContain('it is damaged')
  mount(3, { a: '3' })
  await until('it is said', () => warnings().length === 2)
  expect(warnings()[1]).toContain('ENOENT')
  expect(got).toEqual([])
  mount(4, { a: '4', b: '4' })
  await until('it is applied', () => got.length === 1)
  expect(warnings()).toHaveLength(2)
})

test('where nothing is in use yet, what is there is applied at the first look', async () => {
  mount(1, { a: '1', b: '1' })
  const { got } = follow()
  await followed?.look()
  expect(got).toEqual([['1', '1']])
})

test('what is wrong is told until it is right, also where it is what was in use', async () => {
  mount(1, { a: '1', b: '1' })
  const { got } = follow(['1', '1'])
  mount(2, { a: 'damaged', b: '2' })
  await until('it is told', () => followed?.problem() === 'it is damaged')
  mount(3, { a: '1', b: '1' })
  await until('it is over', () => followed?.problem() === undefined)
  expect(got).toEqual([])
})

test('what cannot be used yet, as a certificate of tomorrow, is tried again', async () => {
  mount(1, { a: '1', b: '1' })
  let isTomorrow = false
  let tries = 0
  const logs: string[] = []
  followed = followFiles({
    files: [path.join(folder, 'data', 'a')],
    apply: () => {
      tries += 1
      if (!isTomorrow) throw new Error('it is not valid yet')
    },
    log: quietLog(logs),
    everyMs: 5,
  })
  await until('it is tried again', () => tries > 2)
  expect(logs.filter((line) => line.includes('not valid yet'))).toHaveLength(1)
  isTomorrow = true
  await until('it is used', () => logs.some((line) => line.includes('in use')))
  expect(followed.problem()).toBeUndefined()
})

test('nothing is applied after the close', async () => {
  mount(1, { a: '1', b: '1' })
  const { got } = follow(['0', '0'])
  followed?.close()
  await new Promise((resolve) => setImmediate(resolve))
  expect(got).toEqual([])
})

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readText } from './read-text.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-read-text-'))
const at = (name: string): string => path.join(folder, name)
afterAll(() => rmSync(folder, { recursive: true }))

test('a text is read', async () => {
  writeFileSync(at('a'), 'kind: Ä\n')
  expect(await readText(at('a'))).toEqual({ text: 'kind: Ä\n' })
})

test.each<[string, (file: string) => void, string]>([
  ['a huge file', (file) => (writeFileSync(file, ''), truncateSync(file, 2 ** 40)), 'is larger'],
  ['a binary one', (file) => writeFileSync(file, 'a\0'), 'is no text: it holds NUL bytes'],
  ['a link to itself', (file) => symlinkSync(file, file), 'cannot be read (ELOOP)'],
  ['a folder', (file) => mkdirSync(file), 'cannot be read (EISDIR)'],
])('%s has no text, and the reason why', async (name, make, problem) => {
  make(at(name))
  expect(await readText(at(name))).toEqual({ problem: expect.stringContaining(problem) as string })
})

test('what is gone is not a problem of a file but no file', async () => {
  await expect(readText(at('none'))).rejects.toThrow('ENOENT')
})

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readStateFile, readStateJson, writeStateFile } from './state-file.ts'

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'tokenward-write-'))
  onTestFinished(() => rmSync(made, { recursive: true }))
  return made
}

test('a file is replaced whole, for its owner alone, folders included', () => {
  const path = join(folder(), 'a', 'b')
  writeStateFile(path, 'one')
  writeStateFile(path, 'two')
  expect(readStateFile(path)).toBe('two')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
  expect(readdirSync(join(path, '..'))).toEqual(['b'])
})

test('one that cannot be written is named, and what is there stays', () => {
  const within = folder()
  const path = join(within, 'kept')
  mkdirSync(join(path, 'full'), { recursive: true })
  expect(() => writeStateFile(path, 'new')).toThrow(`${path} cannot be written: `)
  expect(readdirSync(within)).toEqual(['kept'])
  const file = join(within, 'file')
  writeFileSync(file, 'old')
  expect(() => writeStateFile(join(file, 'below'), 'new')).toThrow(/below cannot be written: E/)
  expect(readFileSync(file, 'utf8')).toBe('old')
})

test('one that is not there is nothing; one that is damaged is named without what is in it', () => {
  const path = join(folder(), 'a.json')
  expect(readStateJson(path)).toBeUndefined()
  for (const text of ['{"secret', '[]', 'null', '']) {
    writeFileSync(path, text)
    expect(() => readStateJson(path)).toThrow(
      `${path} is damaged: remove the state folder and start again`,
    )
  }
})

import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lockHolder, takeLock } from './lock.ts'
import { processIdOf } from './process-id.ts'

function lockFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-lock-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'lock')
}

test('a folder is taken once, and again after it was let go', () => {
  const path = lockFile()
  const release = takeLock(path)
  expect(() => takeLock(path)).toThrow(/another tokenward \(process \d+\) runs on the state folder/)
  release()
  takeLock(path)()
})

test.each([
  ['of a process that is gone', JSON.stringify({ pid: 2 ** 22 + 1 })],
  [
    'of an earlier process with the id of a living one',
    JSON.stringify({ ...processIdOf(process.pid), startTicks: '1' }),
  ],
  ['that was half written', '{"pi'],
])('a lock %s is taken over', (_name, text) => {
  const path = lockFile()
  writeFileSync(path, text)
  expect(lockHolder(path)).toBeUndefined()
  takeLock(path)()
})

test.each([
  ['its group', 0o720],
  ['everybody', 0o702],
])('a folder that %s may write is not taken: keys could have been put there', (_who, mode) => {
  const path = lockFile()
  chmodSync(dirname(path), mode)
  expect(() => takeLock(path)).toThrow(/may be written by other users/)
  expect(existsSync(path)).toBe(false)
})

test('nor is one of another user', () => {
  const path = lockFile()
  const isRoot = process.geteuid?.() === 0
  if (isRoot) chownSync(dirname(path), 65_534, 65_534)
  // The root folder is root's.
  expect(() => takeLock(isRoot ? path : '/lock')).toThrow(/belongs to another user/)
})

test('a folder that others may only look at is taken', () => {
  const path = lockFile()
  chmodSync(dirname(path), 0o755)
  takeLock(path)()
})

test.skipIf(process.platform !== 'linux')('a folder that cannot be made is refused at once', () => {
  expect(() => takeLock('/proc/nowhere/state/lock')).toThrow(
    'the state folder /proc/nowhere/state cannot be used (ENOENT): give another --state',
  )
})

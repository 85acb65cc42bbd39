import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLogFile } from './log-file.ts'

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'logs', 'a.log')
}

const fail = (error: unknown): never => {
  throw error as Error
}

test('a log begins anew and leaves the one of the run before beside it', () => {
  const path = place()
  for (const line of ['first', 'second']) {
    const log = openLogFile(path, fail)
    log.write(line)
    log.close()
  }
  expect(readFileSync(path, 'utf8')).toBe('second\n')
  expect(readFileSync(`${path}.1`, 'utf8')).toBe('first\n')
  expect(statSync(path).mode & 0o077).toBe(0)
})

test('a log never holds more than twice 16 MiB', () => {
  const path = place()
  const log = openLogFile(path, fail)
  const line = 'x'.repeat(1024 * 1024)
  for (let count = 0; count < 40; count += 1) log.write(line)
  log.close()
  const bytes = statSync(path).size + statSync(`${path}.1`).size
  expect(bytes).toBeLessThan(35 * 1024 * 1024)
  expect(existsSync(`${path}.2`)).toBe(false)
})

test('where it cannot be written, that is said once and nothing breaks', () => {
  const said: unknown[] = []
  const log = openLogFile('/dev/null/a.log', (error) => said.push(error))
  log.write('lost')
  log.write('lost too')
  expect(said).toHaveLength(1)
})

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../telemetry/log.ts'
import { generateSigningKey } from '../token/keys.ts'
import { openSigningKeys } from './keys.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tokenward-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const lines: string[] = []
const log = createLog({ name: 'test', level: 'debug', write: (line) => lines.push(line) })
const file = (): string => path.join(folder, 'keys', 'signing.json')
const open = (at = file()): ReturnType<typeof openSigningKeys> =>
  openSigningKeys({ file: at, issuer: 'https://authority', now: new Date(0), log })

interface Rows {
  readonly keys: readonly { state: string; notBefore: string; jwk: Record<string, unknown> }[]
}
const kept = (): Rows => JSON.parse(readFileSync(file(), 'utf8')) as Rows

test('a key is made once, kept for its owner alone, and only its public half is given', async () => {
  const first = await open()
  expect(statSync(file()).mode & 0o777).toBe(0o600)
  expect(statSync(path.dirname(file())).mode & 0o777).toBe(0o700)
  expect(kept().keys).toMatchObject([{ state: 'active', notBefore: '1970-01-01T00:00:00.000Z' }])
  const secret = kept().keys[0]?.jwk['d'] as string
  expect(JSON.stringify(first)).not.toContain(secret)
  expect(lines.join('')).not.toContain(secret)
  expect(await open()).toEqual(first)
})

const row = (state: string): object => ({
  state,
  notBefore: '2026-01-01T00:00:00Z',
  jwk: generateSigningKey().privateJwk,
})

test('keys that come and go are published beside the active one', async () => {
  await open()
  writeFileSync(file(), JSON.stringify({ keys: [row('retired'), row('active'), row('next')] }))
  const { keys } = await open()
  expect(keys).toHaveLength(3)
  expect(keys.every((key) => !('d' in key))).toBe(true)
})

test.each([
  ['is cut', '{"keys":[{"state":"active","jwk":{"d":"secret'],
  ['holds no key', JSON.stringify({ keys: [] })],
  ['has two active keys', JSON.stringify({ keys: [row('active'), row('active')] })],
  ['has a state that is none', JSON.stringify({ keys: [row('active'), row('other')] })],
  [
    'has a public key',
    JSON.stringify({ keys: [{ ...row('active'), jwk: generateSigningKey().publicJwk }] }),
  ],
])('a file that %s stops the start, and stays as it is', async (_what, text) => {
  await open()
  writeFileSync(file(), text)
  const error = await open().then(
    () => undefined,
    (reason: unknown) => reason as Error,
  )
  expect(error).toMatchObject({ name: 'StartError', exitCode: 65 })
  expect(error?.stack).not.toContain('secret')
  expect(readFileSync(file(), 'utf8')).toBe(text)
})

test('a key that cannot be kept is not used', async () => {
  writeFileSync(path.join(folder, 'file'), '')
  await expect(open(path.join(folder, 'file', 'keys', 'signing.json'))).rejects.toMatchObject({
    name: 'StartError',
  })
})

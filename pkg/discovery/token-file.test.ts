import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readTokenFile } from './token-file.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-token-file-'))
const file = path.join(folder, 'token')
afterAll(() => rmSync(folder, { recursive: true }))

test('a token is read without what surrounds it', async () => {
  writeFileSync(file, ' e30.e30.c2ln\n')
  expect(await readTokenFile(file)).toBe('e30.e30.c2ln')
})

test.each([
  ['nothing', ''],
  ['two parts', 'e30.e30'],
  ['two tokens', 'e30.e30.c2ln\ne30.e30.c2ln'],
  ['other bytes', '\0\u00ff.a.b'],
])('%s is no token, and the message shows none of it', async (_, text) => {
  writeFileSync(file, text)
  await expect(readTokenFile(file)).rejects.toMatchObject({
    exitCode: 65,
    message: `the token file ${file} holds no token; is it written yet?`,
  })
})

test('a file that is not there is named', async () => {
  await expect(readTokenFile(`${file}.none`)).rejects.toMatchObject({
    exitCode: 66,
    message: `the token file ${file}.none cannot be read (ENOENT)`,
  })
})

import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readSettings } from '../../pkg/config/settings.ts'
import { definition, sourceOf } from './settings.ts'

const always = ['--authority-issuer=https://authority', '--trust-domain=cluster.local']
const sourceFor = (...argv: string[]): ReturnType<typeof sourceOf> =>
  sourceOf(readSettings(definition, { argv: [...always, ...argv], env: {} }))

test.each([
  ['no folder', [], '--folder is required'],
  ['no state folder', ['--folder=/tmp'], '--state-folder is required'],
])('a folder is read, and %s is named', (_what, argv, says) => {
  expect(sourceFor(...argv)).toMatchObject({ missing: expect.stringContaining(says) as string })
})

test('both folders are taken', () => {
  const folders = { folder: '/tmp', stateFolder: '/usr' }
  expect(sourceFor('--folder=/tmp', '--state-folder=/usr')).toEqual(folders)
})

test('a cluster needs no folder', () => {
  expect(sourceFor('--source=cluster')).toEqual({ cluster: true })
})

const main = path.join(import.meta.dirname, 'main.ts')
const run = (argv: readonly string[], env: NodeJS.ProcessEnv): [number | null, string] => {
  const ended = spawnSync(process.execPath, [main, ...always, ...argv], { env, encoding: 'utf8' })
  return [ended.status, ended.stderr]
}

test('the program says what is missing, and opens nothing', () => {
  const [status, words] = run([], {})
  expect(status).toBe(64)
  expect(words).toMatch(/^controller: --folder is required with --source folder[^\n]*\n$/)
})

test('credentials that cannot be read are one line', () => {
  const file = path.join(import.meta.dirname, 'main.ts')
  const [status, words] = run(['--source=cluster', `--kubeconfig=${file}`], {})
  expect(status).toBe(66)
  expect(words).toMatch(/^controller: [^\n]*credentials[^\n]*\n$/)
})

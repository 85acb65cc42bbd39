import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, readdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'

const processes = ['authority', 'cli', 'controller', 'sidecar', 'webhook']

beforeAll(() => {
  const made = spawnSync('node', ['cmd/bundle/main.ts'], { encoding: 'utf8' })
  expect(made.stderr).toBe('')
  expect(made.status).toBe(0)
}, 60_000)

describe.each(processes)('the bundle of %s', (name) => {
  test('starts from an empty folder with nothing beside it', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'tokenward-bundle-'))
    copyFileSync(`dist/${name}.mjs`, path.join(folder, `${name}.mjs`))
    const run = spawnSync(process.execPath, [`${name}.mjs`, '--help'], {
      cwd: folder,
      encoding: 'utf8',
      env: {},
    })
    expect(run.stderr).toBe('')
    expect(run.stdout).toContain('Usage')
    expect(run.status).toBe(0)
    expect(readdirSync(folder)).toEqual([`${name}.mjs`])
  })
})

/** npm packages whose files are in a bundle. */
function packagesOf(name: string): Set<string> {
  const inputs = JSON.parse(readFileSync(`dist/${name}.inputs.json`, 'utf8')) as string[]
  return new Set(
    inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []),
  )
}

test('the bundle of the sidecar holds only what a sidecar needs', () => {
  const kept = [...packagesOf('sidecar')]
  const unwanted = ['ajv', 'commander', 'express', 'jose', 'node-forge', 'pg', 'undici']
  expect(kept.filter((name) => unwanted.includes(name))).toEqual([])
  expect(kept).toContain('lru-cache')
})

test('only the authority and the controller bundle what fetches keys', () => {
  expect(packagesOf('authority')).toContain('undici')
  expect(packagesOf('controller')).toContain('undici')
})

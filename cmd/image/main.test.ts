import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const program = path.resolve('cmd/image/main.ts')
let folder: string

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tokenward-image-'))
  mkdirSync(path.join(folder, 'bin'))
  mkdirSync(path.join(folder, 'dist'))
  for (const name of ['sidecar.mjs', 'koffi.node', 'sidecar.inputs.json']) {
    writeFileSync(path.join(folder, 'dist', name), name)
  }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A program that writes down how it was called and what it was given, and ends as told. */
function install(name: string, script: string): void {
  const text = `#!/bin/sh\necho "${name} $*" >> calls\n${script}\n`
  writeFileSync(path.join(folder, 'bin', name), text, { mode: 0o755 })
}

function make(more: Readonly<Record<string, string>> = {}) {
  const env = { PATH: path.join(folder, 'bin'), BASE: 'base:1', ...more }
  return spawnSync(process.execPath, [program], { cwd: folder, env, encoding: 'utf8' })
}

const calls = () => readFileSync(path.join(folder, 'calls'), 'utf8').trim().split('\n')

test('docker without its daemon is passed over for podman', () => {
  install('docker', 'exit 1')
  install('podman', '')
  const { status, stdout } = make()
  expect(stdout).toContain('building localhost/tokenward:dev with podman')
  expect(status).toBe(0)
  expect(calls().map((call) => call.split(' ').slice(0, 2).join(' '))).toEqual([
    'docker info',
    'podman info',
    'podman build',
  ])
})

test('buildah builds without overlay mounts and user namespaces, and writes the archive with its tag', () => {
  install('buildah', 'case "$*" in *docker-archive:*) : > out.tar ;; esac')
  const { status, stdout } = make({ TAG: 'localhost/t:1', OUT: 'out.tar' })
  expect(stdout).toMatch(/archive: out\.tar, 0\.0 MiB\ndone in [\d.]+ s\n$/)
  expect(status).toBe(0)
  const [, build, push] = calls()
  expect(build).toMatch(
    /^buildah --storage-driver vfs build --isolation chroot --quiet --file Dockerfile --tag localhost\/t:1 --build-arg BASE=base:1 \.cache\/image-\w+$/,
  )
  expect(push).toBe(
    'buildah --storage-driver vfs push --quiet localhost/t:1 docker-archive:out.tar:localhost/t:1',
  )
})

test('bundles and native modules are in the context, and nothing is left of it', () => {
  install(
    'podman',
    'case "$*" in build*) for last; do :; done; cd $last; echo root/*/* > ../../seen ;; esac',
  )
  expect(make().status).toBe(0)
  const seen = readFileSync(path.join(folder, 'seen'), 'utf8').trim()
  expect(seen).toBe('root/tokenward/koffi.node root/tokenward/sidecar.mjs')
  expect(readdirSync(path.join(folder, '.cache'))).toEqual([])
})

test.each([
  ['no engine at all', () => undefined, 'none of docker (with its daemon), podman and buildah'],
  [
    'an engine that fails',
    () => install('podman', '[ $1 = info ] || { echo "no space left" >&2; exit 2; }'),
    'podman could not make localhost/tokenward:dev: no space left',
  ],
  [
    'no bundle',
    () => {
      install('podman', '')
      rmSync(path.join(folder, 'dist'), { recursive: true })
    },
    'run make bundle',
  ],
])('%s ends it with one line', (_, prepare, words) => {
  prepare()
  const { status, stderr } = make()
  expect(stderr).toContain(words)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(status).toBe(1)
})

import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../../telemetry/log.ts'
import { openFiles } from './files.ts'
import { listFiles } from './list-files.ts'
import { mergeResources } from './merge.ts'
import type { Resource } from './snapshot.ts'
import { openVersions } from './versions.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tokenward-sources-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const log = createLog({ name: 'test', level: 'silent' })
const at = (name: string): string => path.join(folder, name)
const put = (name: string, text = 'x'): void => {
  mkdirSync(path.dirname(at(name)), { recursive: true })
  writeFileSync(at(name), text)
}

test('YAML and JSON files are found at any depth, in order, also through links', async () => {
  for (const name of ['b.yml', 'a.yaml', 'deep/er/c.json', '..data/d.yaml']) put(name)
  symlinkSync(at('..data/d.yaml'), at('d.yaml'))
  const found = await listFiles(folder)
  expect(found.map((file) => path.relative(folder, file.path))).toEqual([
    'a.yaml',
    'b.yml',
    'd.yaml',
    'deep/er/c.json',
  ])
})

test.each([
  '.hidden.yaml',
  'node_modules/x/package.json',
  '.git/a.yaml',
  'notes.txt',
  'a.yaml~',
  'local.yaml',
  'state/a.yaml',
])('%s is left aside', async (name) => {
  put(name)
  put('deep/local.yaml')
  const found = await listFiles(folder, at('state'))
  expect(found.map((file) => path.relative(folder, file.path))).toEqual(['deep/local.yaml'])
})

test('a folder that is not there is an error, not an empty folder', async () => {
  await expect(listFiles(at('missing'))).rejects.toThrow('ENOENT')
})

test('a link that leads nowhere is left aside', async () => {
  symlinkSync(at('nowhere'), at('a.yaml'))
  expect(await listFiles(folder)).toEqual([])
})

const policy = (name: string): string => `apiVersion: tokenward.dev/v1alpha1
kind: AccessPolicy
metadata: { name: ${name} }
spec:
  targetRefs:
  - { group: "", kind: Service, name: ${name} }
`

/** Files with a clock that is moved by hand. */
function files() {
  const clock = { ms: 0 }
  const opened = openFiles({ folder, sort: 'custom', log, monotonicMs: () => clock.ms })
  const names = (): string[] =>
    opened.taken().flatMap(({ resources }) => resources.map(({ metadata }) => metadata.name))
  return { clock, names, look: () => opened.look() }
}

test('a file is taken once it has lain still', async () => {
  const { clock, names, look } = files()
  put('a.yaml', policy('one'))
  expect(await look()).toBe(40)
  expect(names()).toEqual([])
  clock.ms = 39
  expect(await look()).toBe(1)
  put('a.yaml', policy('other'))
  clock.ms = 41
  expect(await look()).toBe(40)
  clock.ms = 81
  expect(await look()).toBeUndefined()
  expect(names()).toEqual(['other'])
})

test('a file whose last line has no end must lie still for longer', async () => {
  const { clock, names, look } = files()
  put('a.yaml', policy('one').trimEnd())
  await look()
  clock.ms = 100
  expect(await look()).toBe(150)
  clock.ms = 250
  expect(await look()).toBeUndefined()
  expect(names()).toEqual(['one'])
})

test('a file that is emptied for a moment keeps its resources', async () => {
  const { clock, names, look } = files()
  put('a.yaml', policy('one'))
  await look()
  clock.ms = 40
  await look()
  put('a.yaml', '')
  await look()
  clock.ms = 100
  await look()
  expect(names()).toEqual(['one'])
  put('a.yaml', policy('two'))
  await look()
  clock.ms = 200
  await look()
  expect(names()).toEqual(['two'])
})

test('core objects in the folder of the user, and custom resources among the objects, do not count', async () => {
  put('a.yaml', `${policy('one')}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n`)
  const kindsOf = async (sort: 'custom' | 'core'): Promise<string[]> => {
    const clock = { ms: 0 }
    const opened = openFiles({ folder, sort, log, monotonicMs: () => (clock.ms += 1000) })
    await opened.look()
    await opened.look()
    return opened.taken().flatMap(({ resources }) => resources.map(({ kind }) => kind))
  }
  expect(await kindsOf('custom')).toEqual(['AccessPolicy'])
  expect(await kindsOf('core')).toEqual(['Namespace'])
})

test('a resource without a UID gets one that stays', async () => {
  const uidOf = async (): Promise<string | undefined> => {
    const { clock, look } = files()
    const opened = openFiles({ folder, sort: 'custom', log, monotonicMs: () => (clock.ms += 1000) })
    await look()
    await opened.look()
    await opened.look()
    return opened.taken()[0]?.resources[0]?.metadata.uid
  }
  put('a.yaml', policy('one'))
  const uid = await uidOf()
  expect(uid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(await uidOf()).toBe(uid)
})

const resource = (name: string, namespace = 'shop'): Resource => ({
  kind: 'ServiceAccount',
  metadata: { name, namespace, uid: 'u', resourceVersion: '' },
})

test('twins in several files do not count, and all of their files are named', () => {
  const { resources, conflicts } = mergeResources([
    { name: 'a', resources: [resource('x'), resource('y')] },
    { name: 'b', resources: [resource('x'), resource('x', 'other')] },
    { name: 'c', resources: [resource('x')] },
  ])
  expect(resources).toEqual([resource('y'), resource('x', 'other')])
  expect(conflicts).toEqual([
    { kind: 'ServiceAccount', namespace: 'shop', name: 'x', files: ['a', 'b', 'c'] },
  ])
})

const versions = (nowSeconds = 7): ReturnType<typeof openVersions> =>
  openVersions({ file: at('versions.json'), log, nowSeconds: () => nowSeconds })
const hashes = (facts: Record<string, string>): Map<string, string> =>
  new Map(Object.entries(facts))

test('only a kind that has changed gets a newer version', async () => {
  const counter = await versions()
  const first = await counter.stamp(hashes({ Pod: 'a', Service: 'a' }))
  const second = await counter.stamp(hashes({ Pod: 'b', Service: 'a' }))
  expect(second.epoch).toBe(7)
  expect(second.versions['Pod']).toBeGreaterThan(Math.max(...Object.values(first.versions)))
  expect(second.versions['Service']).toBe(first.versions['Service'])
  expect(await counter.stamp(hashes({ Pod: 'b', Service: 'a' }))).toEqual(second)
})

test('a restart keeps the epoch, and every version is above all before it', async () => {
  const before = await (await versions()).stamp(hashes({ Pod: 'a' }))
  const after = await (await versions(99)).stamp(hashes({ Pod: 'a' }))
  expect(after.epoch).toBe(before.epoch)
  expect(after.versions['Pod']).toBeGreaterThan(before.versions['Pod'] ?? Infinity)
  expect(statSync(at('versions.json')).mode & 0o777).toBe(0o600)
})

test.each([['{"epoch":'], ['{"epoch":"7","reserved":1}'], ['null']])(
  'versions damaged to %s begin a new epoch',
  async (text) => {
    put('versions.json', text)
    expect((await (await versions(99)).stamp(hashes({ Pod: 'a' }))).epoch).toBe(99)
  },
)

test('while the file cannot be written, changes go on as far as versions are reserved, then stop', async () => {
  const counter = await versions()
  const { reserved } = JSON.parse(readFileSync(at('versions.json'), 'utf8')) as { reserved: number }
  rmSync(folder, { recursive: true })
  let last = 0
  for (let change = 1; change <= reserved; change += 1) {
    last = (await counter.stamp(hashes({ Pod: String(change) }))).versions['Pod'] ?? 0
  }
  expect(last).toBe(reserved)
  await expect(counter.stamp(hashes({ Pod: 'one more' }))).rejects.toThrow('ENOENT')
  mkdirSync(folder)
  expect((await counter.stamp(hashes({ Pod: 'one more' }))).versions['Pod']).toBe(reserved + 1)
})

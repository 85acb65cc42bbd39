import { existsSync, readFileSync, renameSync, symlinkSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { closeAll, follow, folderOf, methodsOf, start } from '../support/controller.ts'
import { policyText, type StateFolder } from '../support/state-folder.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

const whole = policyText('payments', 'orders')
const changed = policyText('payments', 'orders', ['PUT'])

/** How the file of a policy is spoilt while the controller runs, and what is said of it. */
const spoilt: readonly (readonly [string, (state: StateFolder) => void, string])[] = [
  ['is cut in its first word', (state) => state.write('p.yaml', 'apiV'), 'is not an object'],
  [
    'is cut in its first line',
    (state) => state.write('p.yaml', 'apiVersion: tok'),
    'kind is missing',
  ],
  [
    'is cut after its first line',
    (state) => state.write('p.yaml', whole.slice(0, 35)),
    'kind must be',
  ],
  ['is cut in the middle', (state) => state.write('p.yaml', whole.slice(0, 200)), ''],
  [
    'has an unknown field',
    (state) => state.write('p.yaml', whole.replace('operations:', 'operatons:')),
    'did you mean operations?',
  ],
  [
    'turns into a program',
    (state) => state.write('p.yaml', '\u007fELF\0\u0001\u0002'),
    'is no text: it holds NUL bytes',
  ],
  [
    'turns huge',
    (state) => truncateSync(path.join(state.folder, 'p.yaml'), 3_000_000_000),
    'is larger than 1 MiB',
  ],
  [
    'turns into a link to itself',
    (state) => {
      state.remove('p.yaml')
      symlinkSync('p.yaml', path.join(state.folder, 'p.yaml'))
    },
    'cannot be read (ELOOP)',
  ],
]

test.each(spoilt)('a file that %s keeps its last good state until it is whole', async (...row) => {
  const [, spoil, says] = row
  const state = folderOf(['orders', 'payments'])
  state.write('p.yaml', whole)
  const log: string[] = []
  const payments = follow(state, await start(state, {}, log), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  spoil(state)
  const lines = (): string[] => log.filter((line) => line.includes('a file is broken'))
  await until('it is logged', () => lines().length > 0)
  const line = JSON.parse(lines()[0] ?? '') as Record<string, unknown>
  expect(line).toMatchObject({ file: 'p.yaml', keepsLastState: true })
  expect(
    `${String(line['path'])} ${String(line['message'])} did you mean ${String(line['nearest'])}?`,
  ).toContain(says)
  expect([typeof line['line'], typeof line['column']]).toEqual(['number', 'number'])
  const file = path.join(state.stateFolder, 'status', 'problems.yaml')
  const problems = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  await until('it is in the status', () => problems().includes('file: p.yaml'))

  state.write('other.yaml', policyText('orders', 'payments'))
  await until('other files are still followed', () => payments.latest()?.routes.routes.length === 1)
  expect(methodsOf(payments.latest())).toEqual(['GET'])

  if (says.includes('ELOOP')) state.remove('p.yaml')
  state.write('p.yaml', changed)
  await until('it is applied when it is whole', () => methodsOf(payments.latest())[0] === 'PUT')
  await until('the status is clean', () => problems().startsWith('problems: []'))
})

test('what cannot be read does not keep a controller from starting with the rest', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('p.yaml', whole)
  symlinkSync('loop.yaml', path.join(state.folder, 'loop.yaml'))
  symlinkSync('nowhere', path.join(state.folder, 'dangling.yaml'))
  symlinkSync('..', path.join(state.folder, 'up'))
  state.write('zeros.json', '\0'.repeat(100))
  const log: string[] = []
  const payments = follow(state, await start(state, {}, log), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  const broken = log
    .filter((line) => line.includes('a file is broken'))
    .map((line) => (JSON.parse(line) as { file: string }).file)
  expect(broken.sort()).toEqual(['loop.yaml', 'zeros.json'])
})

test('a file that is written slowly is taken once, whole', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('p.yaml', whole)
  const log: string[] = []
  const payments = follow(state, await start(state, {}, log), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  const seen = new Set<string>()
  for (let end = 1; end <= changed.length; end += 16) {
    state.write('p.yaml', changed.slice(0, end))
    await new Promise((resolve) => setTimeout(resolve, 5))
    seen.add(methodsOf(payments.latest()).join())
  }
  state.write('p.yaml', changed)
  await until('it is applied', () => methodsOf(payments.latest())[0] === 'PUT')
  expect([...seen].filter((methods) => methods !== 'GET' && methods !== 'PUT')).toEqual([])
})

test('a rename by an editor is one step', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('p.yaml', whole)
  const payments = follow(state, await start(state), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  const seen = new Set<string>()
  for (const methods of [['PUT'], ['POST'], ['DELETE']]) {
    state.write('.p.yaml.swp', policyText('payments', 'orders', methods))
    renameSync(path.join(state.folder, '.p.yaml.swp'), path.join(state.folder, 'p.yaml'))
    await until(`${methods.join()} counts`, () => {
      seen.add(methodsOf(payments.latest()).join())
      return methodsOf(payments.latest())[0] === methods[0]
    })
  }
  expect([...seen].sort()).toEqual(['DELETE', 'GET', 'POST', 'PUT'])
})

import { existsSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import {
  closeAll,
  conditionOf,
  follow,
  folderOf,
  methodsOf,
  start,
  statusOf,
} from '../support/controller.ts'
import { policyText } from '../support/state-folder.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

test('a file that goes takes its resources along, and a file that moves does not', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('a.yaml', policyText('payments', 'orders'))
  const payments = follow(state, await start(state), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  renameSync(path.join(state.folder, 'a.yaml'), path.join(state.folder, 'b.yaml'))
  state.write('c.yaml', policyText('orders', 'payments'))
  await until('the other file is read', () => payments.latest()?.routes.routes.length === 1)
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  state.remove('b.yaml')
  await until('it is gone', () => methodsOf(payments.latest()).length === 0)
  await until('so is its status', () => !statusOf(state, 'AccessPolicy/shop.payments.yaml'))
})

test.each([
  ['is not YAML', 'spec: [', /^\d+ /],
  ['has an unknown field', policyText('payments', 'orders').replace('scopes:', 'scops:'), /scops/],
  ['is cut in the middle of a line', policyText('payments', 'orders', ['POST']).slice(0, 200), /./],
])('a file that %s keeps its last good state, and says so', async (_what, text, message) => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const log: string[] = []
  const payments = follow(state, await start(state, {}, log), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  state.write('payments.yaml', text)
  await until('it is logged', () => log.join('').includes('a file is broken'))
  const file = path.join(state.stateFolder, 'status', 'problems.yaml')
  const problems = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  await until('it is in the status', () => problems().includes('file: payments.yaml'))
  expect(problems()).toMatch(/line: \d+\n +column: \d+/)
  expect(`1 ${problems()}`).toMatch(message)
  state.write('other.yaml', policyText('orders', 'payments'))
  await until('other files are still followed', () => payments.latest()?.routes.routes.length === 1)
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  state.write('payments.yaml', policyText('payments', 'orders', ['PUT']))
  await until('it is whole again', () => methodsOf(payments.latest())[0] === 'PUT')
  await until('the status is clean', () => problems().startsWith('problems: []'))
})

test('two files that define the same policy: neither counts, and both are named', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('a.yaml', policyText('payments', 'orders'))
  const log: string[] = []
  const payments = follow(state, await start(state, {}, log), 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  state.write('b.yaml', policyText('payments', 'orders', ['POST']))
  await until('neither counts', () => methodsOf(payments.latest()).length === 0)
  await until(
    'the status says so',
    () =>
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Accepted') ===
      'False Conflicted: several files define it, so none of them counts: a.yaml, b.yaml',
  )
  expect(log.join('')).toContain('several files define it: a.yaml, b.yaml')
  state.remove('a.yaml')
  await until('the other one counts', () => methodsOf(payments.latest())[0] === 'POST')
})

test('folders that cannot be read leave the last state, which shows its age and says so once', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const log: string[] = []
  const controller = await start(state, {}, log)
  const payments = follow(state, controller, 'payments')
  await until('the policy', () => methodsOf(payments.latest()).length === 1)
  const viewAge = async (): Promise<number> => {
    const text = await (await fetch(`${controller.adminUrl}/metrics`)).text()
    return Number(/view_age_seconds ([\d.]+)/.exec(text)?.[1])
  }
  renameSync(state.folder, `${state.folder}.away`)
  await until('the view gets old', async () => (await viewAge()) > 2.5)
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  expect(log.filter((line) => line.includes('cannot be read; the last state'))).toHaveLength(1)
  renameSync(`${state.folder}.away`, state.folder)
  await until('the view is fresh', async () => (await viewAge()) < 1)
  state.write('payments.yaml', policyText('payments', 'orders', ['PUT']))
  await until('changes are followed again', () => methodsOf(payments.latest())[0] === 'PUT')
})

test('a controller that restarts beside a broken file keeps the last good state of that file', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  state.write('orders.yaml', policyText('orders', 'payments'))
  const first = await start(state)
  await first.close()
  state.write('payments.yaml', 'spec: [')
  state.remove('orders.yaml')
  const second = await start(state)
  const payments = follow(state, second, 'payments')
  const orders = follow(state, second, 'orders')
  await until('both are served', () => !!payments.latest() && !!orders.latest())
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  expect(methodsOf(orders.latest())).toEqual([])
  await second.close()
  state.write('orders.yaml', 'spec: [')
  const third = follow(state, await start(state), 'orders')
  await until('it is served', () => third.latest() !== undefined)
  expect(methodsOf(third.latest())).toEqual([])
})

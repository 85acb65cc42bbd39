import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { subscribe } from '../../pkg/discovery/subscribe.ts'
import type { AuthorityPolicy } from '../../pkg/policy/workload-policy.ts'
import {
  closing,
  closeAll,
  conditionOf,
  follow,
  folderOf,
  methodsOf,
  start,
} from '../support/controller.ts'
import { quietLog } from '../support/discovery.ts'
import { policyText } from '../support/state-folder.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

test('target, caller and authority get what one policy means for each, and status counts who applied it', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const controller = await start(state)
  let authority: AuthorityPolicy | undefined
  const subscription = subscribe<'authority'>({
    kind: 'authority',
    urls: [controller.discoveryUrl],
    ca: () => state.ca,
    token: () => Promise.resolve(state.authorityToken()),
    apply: (sections) => (authority = sections),
    log: quietLog(),
  })
  closing(() => subscription.close())
  const orders = follow(state, controller, 'orders')
  await until('caller and authority are served', () => !!orders.latest() && !!authority)
  expect(orders.latest()?.routes.routes.map(({ id }) => id)).toEqual(['shop/payments:80'])
  expect(orders.latest()?.trust).toEqual({ bundle: state.ca })
  expect(authority?.edges.edges).toHaveLength(1)
  expect(authority?.trust.serviceAccounts?.issuer).toBe('https://tokenward.local/serviceaccounts')
  expect(authority?.keys).toEqual(orders.latest()?.keys)
  await until('the status waits for the target', () =>
    (conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Programmed') ?? '').endsWith(
      'applied 0 of 1',
    ),
  )
  const payments = follow(state, controller, 'payments')
  await until('the target is served', () => payments.latest() !== undefined)
  expect(methodsOf(payments.latest())).toEqual(['GET'])
  await until(
    'the status counts it',
    () =>
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Programmed') ===
      'True Programmed: applied 1 of 1',
  )
  expect(conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Accepted')).toMatch(
    /^True Accepted/,
  )
})

test('an edit is enforced at once, and back', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const payments = follow(state, await start(state), 'payments')
  await until('the first policy', () => payments.latest() !== undefined)
  const durations: number[] = []
  for (let round = 0; round < 10; round += 1) {
    const method = round % 2 === 0 ? 'POST' : 'GET'
    const startedAtMs = performance.now()
    state.write('payments.yaml', policyText('payments', 'orders', [method]))
    await until(method, () => methodsOf(payments.latest())[0] === method)
    durations.push(performance.now() - startedAtMs)
  }
  // A folder is looked at each second anyway; the bench says how fast it usually is.
  expect(Math.min(...durations)).toBeLessThan(250)
})

test('what a sidecar rejects is in the status, with its reason', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const controller = await start(state)
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [controller.discoveryUrl],
    ca: () => state.ca,
    token: () => Promise.resolve(state.token('payments')),
    apply: () => {
      throw new Error('it does not fit')
    },
    log: quietLog(),
  })
  closing(() => subscription.close())
  await until(
    'the status says so',
    () =>
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Programmed') ===
      'False PartiallyProgrammed: applied 0 of 1; shop/payments-0 rejects it: it does not fit',
  )
})

test('a policy whose target is not there is in log and status', async () => {
  const state = folderOf(['orders'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const log: string[] = []
  await start(state, {}, log)
  await until('the status says so', () =>
    /^False TargetNotFound/.test(
      conditionOf(state, 'AccessPolicy/shop.payments.yaml', 'Accepted') ?? '',
    ),
  )
  expect(log.filter((line) => line.includes('a resource does not count'))).toHaveLength(1)
})

test('a restarted controller goes on where it was: same keys, no older revision, clients come back', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const first = await start(state)
  const payments = follow(state, first, 'payments')
  await until('the policy', () => payments.latest() !== undefined)
  const keys = payments.latest()?.keys
  const before = payments.subscription.revision()
  await first.close()
  await until('it is gone', () => !payments.subscription.connected())
  state.write('payments.yaml', policyText('payments', 'orders', ['PATCH']))
  const port = Number(new URL(first.discoveryUrl).port)
  await start(state, { discoveryAddress: { host: '127.0.0.1', port } })
  await until('the change arrives', () => methodsOf(payments.latest())[0] === 'PATCH', 10_000)
  expect(payments.latest()?.keys).toEqual(keys)
  const after = payments.subscription.revision()
  expect(after?.epoch).toBe(before?.epoch)
  expect(after?.versions['AccessPolicy']).toBeGreaterThan(
    before?.versions['AccessPolicy'] ?? Infinity,
  )
})

test('lost and damaged versions begin a new epoch, which clients believe', async () => {
  const state = folderOf(['orders', 'payments'])
  const first = await start(state)
  const payments = follow(state, first, 'payments')
  await until('the policy', () => payments.latest() !== undefined)
  await first.close()
  const { epoch, reserved } = JSON.parse(
    readFileSync(path.join(state.stateFolder, 'versions.json'), 'utf8'),
  ) as { epoch: number; reserved: number }
  expect(reserved).toBeGreaterThan(0)
  writeFileSync(path.join(state.stateFolder, 'versions.json'), '{"epoch":')
  await until('the clock has moved on', () => Math.floor(Date.now() / 1000) > epoch)
  state.write('payments.yaml', policyText('payments', 'orders'))
  const port = Number(new URL(first.discoveryUrl).port)
  await start(state, { discoveryAddress: { host: '127.0.0.1', port } })
  await until('the change arrives', () => methodsOf(payments.latest()).length === 1, 10_000)
  expect(payments.subscription.revision()?.epoch).toBeGreaterThan(epoch)
})

test('the admin port says that it is ready and what it counts', async () => {
  const state = folderOf(['orders'])
  const controller = await start(state)
  const get = async (at: string): Promise<[number, string]> => {
    const response = await fetch(controller.adminUrl + at)
    return [response.status, await response.text()]
  }
  expect(await get('/healthz')).toEqual([200, 'ok\n'])
  expect(await get('/readyz')).toEqual([200, 'ready\n'])
  expect((await get('/metrics'))[1]).toContain('tokenward_controller_resources{kind="Pod"} 2')
  expect((await get('/other'))[0]).toBe(404)
})

test('a pod whose service account goes loses its stream, and its callers their rule', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('payments.yaml', policyText('payments', 'orders'))
  const controller = await start(state)
  const orders = follow(state, controller, 'orders')
  const payments = follow(state, controller, 'payments')
  await until('both are served', () => !!orders.latest() && methodsOf(payments.latest()).length > 0)
  const objects = path.join(state.stateFolder, 'objects', 'objects.yaml')
  const kept = readFileSync(objects, 'utf8')
    .split('\n---\n')
    .filter((text) => !text.includes('"uid":"sa-orders"'))
  writeFileSync(objects, kept.join('\n---\n'))
  await until('its stream ends', () => !orders.subscription.connected())
  await until('no caller is left', () =>
    (payments.latest()?.rules.ports['8080']?.rules ?? []).every(
      ({ callers }) => Object.keys(callers).length === 0,
    ),
  )
  expect(payments.subscription.connected()).toBe(true)
})

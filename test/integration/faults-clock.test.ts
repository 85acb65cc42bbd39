import { existsSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { subscribe } from '../../pkg/discovery/subscribe.ts'
import { run, type Running } from '../../pkg/proxy/run.ts'
import { closeAll, closing, follow, folderOf, methodsOf, start } from '../support/controller.ts'
import {
  generationOf,
  policyOf,
  quietLog,
  startDiscovery,
  type TestServer,
} from '../support/discovery.ts'
import { makePlace, type Place } from '../support/programs.ts'
import { call, startShop } from '../support/shop-sidecars.ts'
import { policyText } from '../support/state-folder.ts'
import { until } from '../support/until.ts'

const hour = 3_600_000
let realAtMs = 0
let fromMs = 0

/** The wall clock, and it alone, shows so much more or less than it should. */
function jump(ms: number): void {
  vi.setSystemTime(realAtMs + (performance.now() - fromMs) + ms)
}

beforeEach(() => {
  realAtMs = Date.now()
  fromMs = performance.now()
  vi.useFakeTimers({ toFake: ['Date'] })
  jump(0)
})
afterEach(async () => {
  await closeAll()
  vi.useRealTimers()
})

test('a token is accepted within its time by every clock, and never outside of it', async () => {
  const shop = await startShop()
  closing(() => shop.close())
  shop.apply()
  const port = shop.workloads['web']?.ports.inbound[0]?.port ?? 0
  const ask = async (token: string): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await call({ port }, { method: 'POST', path: '/orders', headers })
    return answer.reason ?? String(answer.status)
  }
  const alice = shop.alice()
  const good = await ask(alice)
  expect(good).not.toMatch(/^token_/)
  jump(5 * hour)
  expect(await ask(alice)).toBe('token_expired')
  expect(await ask(shop.alice())).toBe(good)
  const early = shop.alice()
  jump(-5 * hour)
  expect(await ask(alice)).toBe('token_not_yet_valid')
  expect(await ask(early)).toBe('token_not_yet_valid')
  jump(0)
  expect(await ask(alice)).toBe(good)
  expect(await ask(early)).toBe('token_not_yet_valid')
})

async function startSidecar(place: Place, controller: TestServer): Promise<Running> {
  const app = http.createServer((_request, response) => response.end('ok'))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  closing(() => void app.close())
  const any = { host: '127.0.0.1', port: 0 }
  const to = { host: '127.0.0.1', port: (app.address() as AddressInfo).port }
  const sidecar = await run({
    listeners: { inbound: [{ listen: any, app: to }], outbound: any, routes: [], admin: [any] },
    controllers: [controller.url],
    authority: 'https://127.0.0.1:9',
    caFile: place.at('ca.crt'),
    discoveryTokenFile: place.at('discovery'),
    authorityTokenFile: place.at('assertion'),
    stateFolder: place.at('state'),
    logLevel: 'info',
    write: () => undefined,
  })
  closing(() => sidecar.close(0))
  return sidecar
}

function publish(controller: TestServer, version: number, { ports }: Running): void {
  const rules = {
    ports: { [ports.inbound[0]?.port ?? 0]: { rules: [], public: [{ scopes: [] }] } },
    audiences: [],
    issuerAudiences: {},
  }
  controller.index.publish(
    generationOf(version, {
      'orders-0': { ...policyOf({ 'shop/payments': `10.0.0.${version}` }), rules },
    }),
  )
}

async function reasonOf({ ports }: Running): Promise<string> {
  const answer = await call({ port: ports.inbound[0]?.port ?? 0 }, {})
  return answer.reason ?? String(answer.status)
}

test('no clock makes a policy trusted for longer, and the next word of the controller mends it', async () => {
  const place = makePlace()
  closing(() => place[Symbol.dispose]())
  const controller = await startDiscovery()
  closing(async () => {
    await controller[Symbol.asyncDispose]()
  })
  const sidecar = await startSidecar(place, controller)
  publish(controller, 1, sidecar)
  await until('it serves', async () => (await reasonOf(sidecar)) === '200')
  // As after a sleep of the machine: the monotonic clock stood still, nothing was heard.
  jump(3 * hour)
  expect(await reasonOf(sidecar)).toBe('policy_stale')
  publish(controller, 2, sidecar)
  await until('it serves again', async () => (await reasonOf(sidecar)) === '200')
  jump(-3 * hour)
  expect(await reasonOf(sidecar)).toBe('200')
  publish(controller, 3, sidecar)
  jump(0)
  await until('and in the end', async () => (await reasonOf(sidecar)) === '200')
})

test('a state that was kept in the future, or long ago, is as old as it can be', async () => {
  const place = makePlace()
  closing(() => place[Symbol.dispose]())
  const controller = await startDiscovery()
  closing(async () => {
    await controller[Symbol.asyncDispose]()
  })
  const first = await startSidecar(place, controller)
  publish(controller, 1, first)
  await until('it serves', async () => (await reasonOf(first)) === '200')
  await until('its state is kept', () => existsSync(place.at('state/policy.json')))
  for (const [ms, ageMs] of [
    [-5 * hour, Infinity],
    [5 * hour, 5 * hour],
  ] as const) {
    jump(ms)
    const applied: unknown[] = []
    const subscription = subscribe<'sidecar'>({
      kind: 'sidecar',
      urls: ['https://127.0.0.1:9'],
      ca: () => '',
      token: () => Promise.reject(new Error('no token')),
      stateFile: place.at('state/policy.json'),
      apply: (sections) => applied.push(sections),
      log: quietLog(),
    })
    expect(applied).toHaveLength(1)
    expect(subscription.ageMs()).toBeGreaterThanOrEqual(ageMs)
    subscription.close()
  }
})

test('a controller goes on through jumps: edits count, clients stay, status is written', async () => {
  const state = folderOf(['orders', 'payments'])
  state.write('p.yaml', policyText('payments', 'orders'))
  const controller = await start(state)
  const payments = follow(state, controller, 'payments')
  await until('the policy', () => methodsOf(payments.latest())[0] === 'GET')
  for (const [ms, method] of [
    [7 * hour, 'PUT'],
    [-7 * hour, 'POST'],
    [0, 'PATCH'],
  ] as const) {
    jump(ms)
    state.write('p.yaml', policyText('payments', 'orders', [method]))
    await until(`${method} counts`, () => methodsOf(payments.latest())[0] === method)
    const orders = follow(state, controller, 'orders')
    await until('who comes now is served', () => orders.latest() !== undefined)
    const ready = await fetch(`${controller.adminUrl}/readyz`)
    expect(ready.status).toBe(200)
  }
})

import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { subscribe, type Subscription } from '../../pkg/discovery/subscribe.ts'
import { createPodAddresses } from '../../pkg/proxy/intercept/pod-addresses.ts'
import { closeAll, closing } from '../support/controller.ts'
import {
  ca,
  generationOf,
  podToken,
  policyOf,
  quietLog,
  startDiscovery,
} from '../support/discovery.ts'
import { startLiveSidecar } from '../support/live-sidecar.ts'
import { makePlace } from '../support/programs.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

function sidecarAt(url: string, apply: () => void): Subscription {
  const subscription = subscribe<'sidecar'>({
    kind: 'sidecar',
    urls: [url],
    ca,
    token: () => Promise.resolve(podToken('one')),
    apply,
    log: quietLog(),
  })
  closing(() => subscription.close())
  return subscription
}

test('ports at which an app answers past its sidecar are told, over a reconnect too, until it does not', async () => {
  const first = await startDiscovery()
  first.index.publish(generationOf(1, { one: policyOf({}) }))
  const subscription = sidecarAt(first.url, () => undefined)
  await until('the policy is applied', () => first.index.progress(['uid-one']).applied === 1)
  expect(first.index.bypassOf('uid-one')).toEqual([])
  subscription.report([8081])
  await until('it is told', () => first.index.bypassOf('uid-one')[0] === 8081)
  await first[Symbol.asyncDispose]()
  await using again = await startDiscovery({ port: first.port })
  again.index.publish(generationOf(1, { one: policyOf({}) }))
  await until('it is told anew', () => again.index.bypassOf('uid-one')[0] === 8081)
  subscription.report([])
  await until('it is over', () => again.index.bypassOf('uid-one').length === 0)
  expect(again.index.progress(['uid-one']).applied).toBe(1)
})

test('a report of ports does not take back what was rejected', async () => {
  await using server = await startDiscovery()
  const heard: (string | undefined)[] = []
  server.index.publish(generationOf(1, { one: policyOf({}) }))
  let updates = 0
  const subscription = sidecarAt(server.url, () => {
    updates += 1
    throw new Error('it does not fit')
  })
  const rejection = (): string | undefined => server.index.progress(['uid-one']).rejection?.reason
  await until('it is rejected', () => rejection() !== undefined)
  server.index.onAcknowledged(() => heard.push(rejection()))
  subscription.report([8081])
  server.index.publish(generationOf(2, { one: policyOf({ a: '10.0.0.1' }) }))
  await until('so is the next', () => updates === 2 && heard.length > 0)
  expect(new Set(heard)).toEqual(new Set(['it does not fit']))
})

const pod = createPodAddresses()

test.skipIf(pod.all().length === 0).each([
  ['that answers at the address of its pod is told of', '0.0.0.0', true],
  ['on loopback alone is not', '127.0.0.1', false],
])('an app %s by a sidecar that runs', async (_what, host, isTold) => {
  using place = makePlace()
  const app = http.createServer()
  await new Promise<void>((resolve) => app.listen(0, host, resolve))
  closing(() => void app.close())
  const { port } = app.address() as AddressInfo
  const flags = { 'app-ports': String(port) }
  await using sidecar = await startLiveSidecar(place, { flags })
  const { index } = sidecar.controller
  await until('it is connected', () => index.progress(['uid-orders-0']).applied === 1)
  const metrics = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${sidecar.adminPort}/metrics`)).text()
  const found = isTold ? /^tokenward_sidecar_bypass_possible [1-9]/m : /bypass_possible 0/
  await until('it has looked', async () => found.test(await metrics()))
  await until('it is told', () => index.bypassOf('uid-orders-0').length === (isTold ? 1 : 0))
  expect(index.bypassOf('uid-orders-0')).toEqual(isTold ? [port] : [])
})

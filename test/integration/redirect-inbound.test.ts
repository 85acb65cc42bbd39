/** Connections from outside that are redirected: where they were going is handed in by the test. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { closeAll, closing, get, metric, start, told } from '../support/redirected-sidecar.ts'
import { rawClient, type RawClient } from '../support/wire.ts'

afterEach(closeAll)

/** An app at an address of its own, and what a caller gets that was going to `host` and its port. */
async function pod(options: { readonly host?: string; readonly policy?: object } = {}) {
  const { host = '127.0.0.2', policy = { rules: [], public: [{ scopes: [] }] } } = options
  const heard: http.IncomingMessage[] = []
  const app = http.createServer((request, response) => {
    heard.push(request)
    response.end('ok')
  })
  const port = await new Promise<number>((resolve) =>
    app.listen(0, '127.0.0.2', () => resolve((app.address() as AddressInfo).port)),
  )
  closing.push(() => app.close())
  const one = await start([], { ports: { [port]: policy } })
  told.ownHosts = ['127.0.0.2', '127.0.0.3']
  told.going = { host, port }
  const client = (): RawClient => rawClient(one.ports.redirected?.inbound.port ?? 0)
  return { one, heard, client, port }
}

test('the port of the original destination chooses the policy, and its address the app', async () => {
  const { heard, client } = await pod()
  const caller = client()
  caller.send(get('x'))
  expect(await caller.ends()).toMatch(/^HTTP\/1.1 200/)
  expect(heard[0]?.socket.localAddress).toBe('127.0.0.2')
  expect(heard[0]?.headers['tokenward-decision']).toBeDefined()
})

test('another port of the pod has another policy, or none and is refused', async () => {
  const { heard, client, port } = await pod()
  told.going = { host: '127.0.0.2', port: port === 1 ? 2 : port - 1 }
  const caller = client()
  caller.send(get('x'))
  expect(await caller.ends()).toMatch(/^HTTP\/1.1 403[^]*no_policy/)
  expect(heard).toHaveLength(0)
})

test('an app that does not listen at the address that was dialled is not reached at another one', async () => {
  const { heard, client } = await pod({ host: '127.0.0.3' })
  const caller = client()
  caller.send(get('x'))
  expect(await caller.ends()).toMatch(/^HTTP\/1.1 502/)
  expect(heard).toHaveLength(0)
})

test('where a token is needed there is no way without one', async () => {
  const { heard, client } = await pod({ policy: { rules: [], public: [] } })
  const caller = client()
  caller.send(get('x'))
  expect(await caller.ends()).toMatch(/^HTTP\/1.1 401/)
  expect(heard).toHaveLength(0)
})

test.each([
  ['was not redirected', undefined],
  ['was going to another pod', { host: '127.0.0.9', port: 8080 }],
  ['was going to loopback', { host: '127.0.0.1', port: 8080 }],
  ['was going to our own inbound port', { host: '127.0.0.2', port: 15401 }],
  ['was going to the last of our ports', { host: '127.0.0.2', port: 15499 }],
])('a connection from outside that %s is closed without a word', async (_, to) => {
  const { one, client } = await pod()
  told.going = to
  const caller = client()
  caller.send(get('x'))
  expect(await caller.ends()).toBe('')
  expect(await metric(one, 'strayed_total')).toBe(1)
})

test.each([
  ['TLS', '\x16\x03\x01\x00\x05hello'],
  ['a protocol of words', 'get key\r\n'],
  ['bytes', '\x00\x01\x02\x03'],
])('%s on a port that has a policy never gets to the app', async (_, said) => {
  const { heard, client } = await pod()
  const caller = client()
  caller.send(said)
  caller.socket.end()
  expect(await caller.ends()).not.toContain('200')
  expect(heard).toHaveLength(0)
})

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run, type RunOptions, type Running } from '../../pkg/proxy/run.ts'
import { ca, generationOf, podToken, policyOf, startDiscovery } from '../support/discovery.ts'
import { freePorts } from '../support/free-ports.ts'
import { call } from '../support/shop-sidecars.ts'

let folder: string
let app: http.Server
const running: Running[] = []
const children: ChildProcess[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tokenward-sidecar-'))
  mkdirSync(join(folder, 'state'))
  writeFileSync(join(folder, 'ca.crt'), ca())
  writeFileSync(join(folder, 'discovery'), `${podToken('orders-0')}\n`)
  writeFileSync(
    join(folder, 'authority'),
    podToken('orders-0', { audience: 'tokenward:authority' }),
  )
  app = http.createServer((_, response) => response.end('ok'))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close(0)))
  for (const child of children.splice(0)) child.kill('SIGKILL')
  app.close()
  app.closeAllConnections()
  rmSync(folder, { recursive: true, force: true })
})

const appPort = (): number => (app.address() as { port: number }).port
const any = { host: '127.0.0.1', port: 0 }

async function start(
  controllers: readonly string[],
  more: Partial<RunOptions> = {},
): Promise<Running> {
  const one = await run({
    listeners: {
      inbound: [{ listen: any, app: { host: '127.0.0.1', port: appPort() } }],
      outbound: any,
      routes: [],
      admin: [any],
    },
    controllers,
    authority: 'https://127.0.0.1:9',
    caFile: join(folder, 'ca.crt'),
    discoveryTokenFile: join(folder, 'discovery'),
    authorityTokenFile: join(folder, 'authority'),
    stateFolder: join(folder, 'state'),
    logLevel: 'info',
    write: () => undefined,
    ...more,
  })
  running.push(one)
  return one
}

const get = (one: Running, path: string) => call({ port: one.ports.admin.port }, { path })
const arrive = (one: Running, path = '/') =>
  call({ port: one.ports.inbound[0]?.port ?? 0 }, { path })

/** Everything is public at this port. */
const openPolicy = (port: number) => ({
  ...policyOf({}),
  rules: {
    ports: { [port]: { rules: [], public: [{ scopes: [] }] } },
    audiences: [],
    issuerAudiences: {},
  },
})

test('ready means that a policy is applied; until then every request is a 503', async () => {
  await using controller = await startDiscovery()
  const sidecar = await start([controller.url])
  expect(await get(sidecar, '/healthz')).toMatchObject({ status: 200 })
  expect(await get(sidecar, '/readyz')).toMatchObject({ status: 503 })
  expect(await get(sidecar, '/policy')).toMatchObject({ status: 503 })
  expect(await arrive(sidecar)).toMatchObject({ status: 503, reason: 'no_policy_yet' })

  const port = sidecar.ports.inbound[0]?.port ?? 0
  controller.index.publish(generationOf(1, { 'orders-0': openPolicy(port) }))
  await expect.poll(() => get(sidecar, '/readyz')).toMatchObject({ status: 200 })
  expect(await arrive(sidecar)).toMatchObject({ status: 200, text: 'ok' })

  const view = JSON.parse((await get(sidecar, '/policy')).text) as Record<string, unknown>
  expect(view).toMatchObject({ connected: true, ageSeconds: 0, revision: { epoch: 1 } })
  expect(view['sections']).toMatchObject({ rules: { ports: { [port]: {} } } })
  expect(view['hashes']).toHaveProperty('rules')
})

test('a change is enforced at once', async () => {
  await using controller = await startDiscovery()
  const sidecar = await start([controller.url])
  const port = sidecar.ports.inbound[0]?.port ?? 0
  controller.index.publish(generationOf(1, { 'orders-0': openPolicy(port) }))
  await expect.poll(() => arrive(sidecar)).toMatchObject({ status: 200 })
  controller.index.publish(generationOf(2, { 'orders-0': policyOf({}) }))
  await expect.poll(() => arrive(sidecar)).toMatchObject({ status: 403, reason: 'no_policy' })
})

test('a restart with no controller serves by the policy that was kept', async () => {
  const controller = await startDiscovery()
  const first = await start([controller.url])
  const port = first.ports.inbound[0]?.port ?? 0
  controller.index.publish(generationOf(1, { 'orders-0': openPolicy(port) }))
  await expect.poll(() => arrive(first)).toMatchObject({ status: 200 })
  await expect.poll(() => existsSync(join(folder, 'state', 'policy.json'))).toBe(true)
  await controller[Symbol.asyncDispose]()
  await first.close(0)
  const inbound = [
    { listen: { host: '127.0.0.1', port }, app: { host: '127.0.0.1', port: appPort() } },
  ]
  const listeners = { inbound, outbound: any, routes: [], admin: [any] }
  const second = await start([controller.url], { listeners })
  expect(await arrive(second)).toMatchObject({ status: 200 })
  expect(await get(second, '/readyz')).toMatchObject({ status: 200 })
})

test('a drain lets a request finish and then closes', async () => {
  await using controller = await startDiscovery()
  const sidecar = await start([controller.url])
  const port = sidecar.ports.inbound[0]?.port ?? 0
  controller.index.publish(generationOf(1, { 'orders-0': openPolicy(port) }))
  await expect.poll(() => get(sidecar, '/readyz')).toMatchObject({ status: 200 })
  const held = Promise.withResolvers<http.ServerResponse>()
  app.removeAllListeners('request')
  app.on('request', (_, response: http.ServerResponse) => held.resolve(response))
  const answer = arrive(sidecar)
  const response = await held.promise
  const closed = sidecar.close(5_000)
  await expect.poll(() => get(sidecar, '/readyz')).toMatchObject({ status: 503 })
  response.end('late')
  expect(await answer).toMatchObject({ status: 200, text: 'late' })
  await closed
  await expect(arrive(sidecar)).rejects.toThrow('ECONNREFUSED')
})

test('a port in use leaves nothing open', async () => {
  const taken = { host: '127.0.0.1', port: appPort() }
  const admin = await start(['https://127.0.0.1:9'])
  const free = admin.ports.admin
  await admin.close(0)
  const listeners = { inbound: [], outbound: taken, routes: [], admin: [free] }
  await expect(start(['https://127.0.0.1:9'], { listeners })).rejects.toThrow(
    `outbound (--outbound-address) cannot listen: 127.0.0.1:${taken.port} is in use by another process`,
  )
  await expect(call({ port: free.port }, {})).rejects.toThrow('ECONNREFUSED')
})

interface Ended {
  readonly code: number | null
  readonly stderr: string
}

function spawnSidecar(flags: Readonly<Record<string, string>>): {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
} {
  const argv = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  const child = spawn(process.execPath, ['cmd/sidecar/main.ts', ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {},
  })
  children.push(child)
  let stderr = ''
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, stderr })),
  )
  return { child, ended }
}

const flags = (): Record<string, string> => ({
  inbound: `127.0.0.1:0=127.0.0.1:${appPort()}`,
  'admin-address': '127.0.0.1:0',
  controllers: 'https://127.0.0.1:9',
  authority: 'https://127.0.0.1:9',
  'ca-file': join(folder, 'ca.crt'),
  'discovery-token-file': join(folder, 'discovery'),
  'authority-token-file': join(folder, 'authority'),
  'log-level': 'silent',
})

test('a wrong setting ends the process with one line and code 64', async () => {
  const { code, stderr } = await spawnSidecar({ ...flags(), 'ca-file': '/nowhere/ca.crt' }).ended
  expect(code).toBe(64)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toContain('--ca-file')
})

test('a port in use ends the process with one line and code 69', async () => {
  const other = http.createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const change = { 'outbound-address': `127.0.0.1:${port}` }
  const { code, stderr } = await spawnSidecar({ ...flags(), ...change }).ended
  other.close()
  expect(code).toBe(69)
  expect(stderr).toBe(
    `sidecar: outbound (--outbound-address) cannot listen: 127.0.0.1:${port} is in use by another process; stop it or choose another port\n`,
  )
})

test('SIGTERM ends the process with code 0', async () => {
  const { admin: port } = await freePorts(['admin'])
  const { child, ended } = spawnSidecar({ ...flags(), 'admin-address': `127.0.0.1:${port}` })
  await expect
    .poll(() => call({ port }, { path: '/healthz' }).catch(() => ({ status: 0 })))
    .toMatchObject({ status: 200 })
  child.kill('SIGTERM')
  expect(await ended).toEqual({ code: 0, stderr: '' })
})

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { Order, Seen } from '../../test/support/api-proxy.ts'
import { writeKubeconfig } from '../../test/support/kubeconfig.ts'
import { eventOf, podOf, startStubApi, statusOf, token } from '../../test/support/stub-api.ts'
import { freePorts } from '../../test/support/free-ports.ts'
import { until } from '../../test/support/until.ts'
import { openKubeClient } from './client.ts'
import { KubeError } from './kube-error.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

type Stub = Awaited<ReturnType<typeof startStubApi>>

async function start(
  decide: (seen: Seen) => Order,
  options: { readonly days?: number; readonly now?: Date } = {},
): Promise<Stub> {
  const stub = await startStubApi(decide, options)
  closers.push(() => stub[Symbol.asyncDispose]())
  return stub
}

/** What a request fails with. */
async function errorOf(work: Promise<unknown>): Promise<KubeError> {
  const error: unknown = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  expect(error).toBeInstanceOf(KubeError)
  return error as KubeError
}

const pods = { method: 'GET', path: '/api/v1/namespaces/shop/pods' } as const

test('a request brings the token, asks for JSON and gives what the answer says', async () => {
  const { client, api } = await start(() => ({ status: 200, body: { items: [] } }))
  const query = { limit: 5, fieldSelector: 'metadata.name=a b&c', absent: undefined }
  await expect(client.request({ ...pods, query })).resolves.toEqual({ items: [] })
  expect(api.seen[0]).toMatchObject({
    method: 'GET',
    path: '/api/v1/namespaces/shop/pods?limit=5&fieldSelector=metadata.name%3Da+b%26c',
    authorization: `Bearer ${token}`,
    body: '',
  })
})

test('a body is JSON, unless it is a text of a type of its own', async () => {
  const { client, api } = await start(() => ({ status: 201 }))
  await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { a: 'ä' } })
  await client.request({
    method: 'PATCH',
    path: '/api/v1/namespaces/a',
    contentType: 'application/apply-patch+yaml',
    body: 'a: b',
  })
  expect(api.seen.map(({ contentType, body }) => [contentType, body])).toEqual([
    ['application/json', '{"a":"ä"}'],
    ['application/apply-patch+yaml', 'a: b'],
  ])
})

const answers: readonly (readonly [string, Order, object])[] = [
  [
    'a missing object',
    { status: 404, body: statusOf(404, 'NotFound', 'pods "a" not found', { name: 'a' }) },
    { status: 404, reason: 'NotFound' },
  ],
  [
    'a missing resource',
    { status: 404, body: '404 page not found\n' },
    { status: 404, reason: 'MissingResource' },
  ],
  [
    'a time to wait in a header',
    { status: 429, body: statusOf(429, 'TooManyRequests'), headers: { 'retry-after': '7' } },
    { status: 429, retryAfterSeconds: 7 },
  ],
  [
    'a time to wait in the Status',
    { status: 503, body: statusOf(503, 'ServiceUnavailable', 'wait', { retryAfterSeconds: 3 }) },
    { status: 503, retryAfterSeconds: 3 },
  ],
  [
    'a time to wait that is a date',
    { status: 503, body: '', headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } },
    { status: 503, retryAfterSeconds: undefined },
  ],
  [
    'an answer of something that is no API server',
    { status: 502, body: '<html>' },
    { status: 502 },
  ],
  ['a redirect', { status: 302, headers: { location: 'https://127.0.0.1:9/' } }, { status: 302 }],
  ['an answer that is not JSON', { status: 200, body: 'ok' }, { status: 0, reason: 'BadAnswer' }],
  ['a connection that is cut', 'cut', { status: 0, reason: 'Unreachable' }],
]
test.each(answers)('%s is an error with status and reason', async (_, answer, facts) => {
  const { client } = await start(() => answer)
  expect(await errorOf(client.request(pods))).toMatchObject(facts)
})

test('the words of the server are repeated, but not at any length', async () => {
  const { client } = await start(() => ({
    status: 422,
    body: statusOf(422, 'Invalid', `spec.rules: ${'x'.repeat(5000)}`),
  }))
  const { message } = await errorOf(client.request(pods))
  expect(message).toContain('spec.rules: xxx')
  expect(message.length).toBeLessThan(1300)
})

test('what the server says of a Secret is not repeated', async () => {
  const words = 'illegal base64 data near |{"tls.key":"hidden-words"}|'
  const details = { causes: [{ reason: 'Invalid', field: 'data[tls.key]', message: words }] }
  const { client } = await start(() => ({
    status: 400,
    body: statusOf(400, 'BadRequest', words, details),
  }))
  const path = '/api/v1/namespaces/tokenward-system/secrets/tokenward-root'
  const error = await errorOf(client.request({ method: 'PATCH', path, body: {} }))
  expect(JSON.stringify([error.message, error.causes])).not.toContain('hidden-words')
  expect(error.causes).toEqual([{ reason: 'Invalid', field: 'data[tls.key]' }])
  const twin = await errorOf(client.request({ ...pods, method: 'POST', body: {} }))
  expect(twin.message).toContain('hidden-words')
})

test('an answer that does not come in time is given up', async () => {
  const { client } = await start(() => 'hang')
  const error = await errorOf(client.request({ ...pods, timeoutMs: 50 }))
  expect(error).toMatchObject({ status: 0, reason: 'Timeout' })
  expect(error.message).toMatch(
    /cannot list pods in namespace shop: no whole answer from .* within/,
  )
})

test('a server that nobody runs is named with its address', async () => {
  const { log, api } = await start(() => 'pass')
  const { nobody } = await freePorts(['nobody'] as const)
  const url = `https://127.0.0.1:${nobody}`
  using kubeconfig = writeKubeconfig({ url, ca: api.ca, token })
  const client = openKubeClient({ kubeconfig: kubeconfig.path, log })
  const error = await errorOf(client.request(pods))
  expect(error.reason).toBe('Unreachable')
  expect(error.message).toContain(`the API server at ${url} cannot be reached (ECONNREFUSED)`)
  client.close()
})

/** A port whose machine takes connections no more: what is sent there is dropped. */
async function startSilentPort(): Promise<number> {
  const code = `const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'ignore'] })
  closers.push(() => child.kill('SIGKILL'))
  const port = await new Promise<number>((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(Number(line.toString()))),
  )
  child.kill('SIGSTOP')
  // What it does not accept any more waits for it, and is not much.
  for (let count = 0; count < 4; count += 1) {
    const waiting = net.connect(port, '127.0.0.1').on('error', () => undefined)
    closers.push(() => waiting.destroy())
  }
  return port
}

test('a machine that answers nothing at all is given up before TCP does', async () => {
  const { log, api } = await start(() => ({ status: 200 }))
  const url = `https://127.0.0.1:${await startSilentPort()}`
  const kubeconfig = writeKubeconfig({ url, ca: api.ca, token })
  const client = openKubeClient({ kubeconfig: kubeconfig.path, log })
  closers.push(() => client.close())
  const startMs = performance.now()
  const error = await errorOf(client.request(pods))
  expect(error).toMatchObject({ status: 0, reason: 'Timeout' })
  expect(error.message).toBe(
    `cannot list pods in namespace shop: no connection to ${url} within 5 s`,
  )
  expect(performance.now() - startMs).toBeLessThan(20_000)
})

test('a server whose certificate has expired is named so', async () => {
  const longAgo = new Date('2020-01-01T00:00:00Z')
  const { client } = await start(() => ({ status: 200 }), { now: longAgo, days: 1 })
  const error = await errorOf(client.request(pods))
  expect(error.reason).toBe('CertificateExpired')
  expect(error.message).toContain('has expired; renew it')
})

test('a server of another authority is not believed', async () => {
  const { api, log } = await start(() => ({ status: 200 }))
  const another = await start(() => ({ status: 200 }))
  using kubeconfig = writeKubeconfig({ url: api.url, ca: another.api.ca, token })
  const client = openKubeClient({ kubeconfig: kubeconfig.path, log })
  const error = await errorOf(client.request(pods))
  expect(error.reason).toBe('CertificateUntrusted')
  expect(api.seen).toEqual([])
  client.close()
})

test('a token that was refused is read again, and one that is new is used', async () => {
  const { client, api, kubeconfig } = await start(({ authorization }) =>
    authorization === 'Bearer new' ? { status: 200 } : { status: 401 },
  )
  expect(await errorOf(client.request(pods))).toMatchObject({ status: 401 })
  writeFileSync(kubeconfig.tokenFile, 'new\n')
  await expect(client.request(pods)).resolves.toEqual({})
  expect(api.seen).toHaveLength(2)
})

test('requests one after another share a connection; one that died meanwhile is not noticed', async () => {
  const { client, log } = await start(() => ({ status: 200 }))
  const connections = new Set<net.Socket>()
  const { api } = await start(() => ({ status: 200 }))
  const relay = net.createServer((socket) => {
    connections.add(socket)
    const onward = net.connect(api.port, '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    for (const end of [socket, onward]) end.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(relay.address() as net.AddressInfo).port}`
  using kubeconfig = writeKubeconfig({ url, ca: api.ca, token })
  const through = openKubeClient({ kubeconfig: kubeconfig.path, log })
  closers.push(() => relay.close())
  for (let time = 0; time < 3; time += 1) await through.request(pods)
  expect(connections.size).toBe(1)
  for (const socket of connections) socket.destroy()
  await through.request(pods)
  expect(connections.size).toBe(2)
  through.close()
  client.close()
})

test('a watch gives line by line, whatever pieces they come in', async () => {
  const { client, api } = await start(() => ({ status: 200, lines: [] }))
  const lines: unknown[] = []
  const end = new AbortController()
  const watched = client
    .watch({ path: '/api/v1/pods', query: {}, signal: end.signal, onLine: (l) => lines.push(l) })
    .catch((error: unknown) => error)
  await until('it is open', () => api.watches() === 1)
  const line = eventOf('ADDED', podOf('a', 1, { word: 'ä' }))
  for (const piece of [line.slice(0, 30), line.slice(30), '\n\n', `${line}\n${line}\n`]) {
    api.inject(piece)
  }
  await until('all came', () => lines.length === 3)
  expect(lines[0]).toEqual(JSON.parse(line))
  end.abort(new Error('enough'))
  expect(await watched).toMatchObject({ message: 'enough' })
  await until('it is gone', () => api.watches() === 0)
})

test('what takes a line and fails ends the watch with its own error', async () => {
  const { client } = await start(() => ({ status: 200, lines: ['{}'] }))
  const watched = client.watch({
    path: '/api/v1/pods',
    query: {},
    signal: new AbortController().signal,
    onLine() {
      throw new Error('a mistake')
    },
  })
  await expect(watched).rejects.toThrow('a mistake')
})

test('a client that is closed ends what is under way and takes no more', async () => {
  const { client } = await start(({ isWatch }) => (isWatch ? { status: 200, lines: [] } : 'hang'))
  const signal = new AbortController().signal
  const open = [
    client.request(pods),
    client.watch({ path: '/api/v1/pods', query: {}, signal, onLine: () => undefined }),
  ].map(errorOf)
  client.close()
  expect((await Promise.all(open)).map(({ reason }) => reason)).toEqual(['Closed', 'Closed'])
  expect(await errorOf(client.request(pods))).toMatchObject({ reason: 'Closed' })
})

test('no error has the token in it, in its causes neither', async () => {
  const { client } = await start(({ authorization }) => ({
    status: 401,
    body: `<html>you sent ${authorization}</html>`,
  }))
  const error = await errorOf(client.request(pods))
  expect(JSON.stringify([error.message, error.stack, error.cause])).not.toContain(token)
})

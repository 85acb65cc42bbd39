import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { startStubApi, token } from '../../test/support/stub-api.ts'
import { openKubeClient } from './client.ts'
import { readCredentials } from './credentials.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-credentials-'))
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => rmSync(folder, { recursive: true }))

function write(text: string): string {
  const file = path.join(folder, 'config')
  writeFileSync(file, text)
  return file
}

const configOf = (cluster: object): string =>
  JSON.stringify({
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'd', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'd',
  })

const wrong: readonly (readonly [string, () => string, RegExp])[] = [
  ['is not there', () => path.join(folder, 'none'), /cannot read .* from .*none \(ENOENT\)/],
  ['is no YAML', () => write(`token: "${token}\n  {`), /cannot read .*config \(no kubeconfig\)/],
  ['has no cluster', () => write('{}'), /cannot read|there are no credentials of a cluster/],
  [
    'names an address without TLS',
    () => write(configOf({ server: 'http://127.0.0.1:8080' })),
    /the API server's address http:\/\/127.0.0.1:8080 is not https/,
  ],
]
test.each(wrong)(
  'a kubeconfig that %s is one line of words, without its content',
  (_, file, words) => {
    const open = (): unknown => readCredentials(file())
    expect(open).toThrow(words)
    expect(open).toThrow(new RegExp(`^(?![^]*${token})`))
  },
)

test('an address with a path keeps it, and an IPv6 address is one', async () => {
  const server = 'https://[::1]:6443/clusters/one/'
  const credentials = readCredentials(write(configOf({ server })))
  expect(credentials.server).toBe('https://[::1]:6443/clusters/one')
  expect((await credentials.access()).options.headers).toEqual({ Authorization: `Bearer ${token}` })
})

test('a kubeconfig that changes is read again after a refusal, and not before', async () => {
  const file = write(configOf({ server: 'https://127.0.0.1:1' }))
  const credentials = readCredentials(file)
  writeFileSync(file, readFileSync(file, 'utf8').replace('127.0.0.1:1', '127.0.0.1:2'))
  expect((await credentials.access()).server.port).toBe('1')
  credentials.forget()
  expect((await credentials.access()).server.port).toBe('2')
})

test('a kubeconfig that is gone by then is an error of the request', async () => {
  const stub = await startStubApi(() => ({ status: 401 }))
  closers.push(() => stub[Symbol.asyncDispose]())
  const request = { method: 'GET', path: '/api/v1/pods' } as const
  await expect(stub.client.request(request)).rejects.toMatchObject({ status: 401 })
  rmSync(stub.kubeconfig.path)
  await expect(stub.client.request(request)).rejects.toMatchObject({
    status: 0,
    reason: 'Credentials',
    message: expect.stringMatching(
      /cannot list pods: the credentials cannot be read: .*ENOENT/,
    ) as string,
  })
})

test('a cluster behind a proxy is reached through it', async () => {
  const stub = await startStubApi(() => ({ status: 200, body: { through: true } }))
  closers.push(() => stub[Symbol.asyncDispose]())
  const tunnels: string[] = []
  const proxy = http.createServer()
  proxy.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
    tunnels.push(request.url ?? '')
    const onward = net.connect(stub.api.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.pipe(socket).pipe(onward)
    })
    for (const end of [socket, onward]) end.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  const { port } = proxy.address() as net.AddressInfo
  const kubeconfig = write(
    configOf({
      server: `https://localhost:${stub.api.port}`,
      'certificate-authority-data': Buffer.from(stub.api.ca).toString('base64'),
      'proxy-url': `http://127.0.0.1:${port}`,
    }),
  )
  const client = openKubeClient({ kubeconfig, log: stub.log })
  closers.push(() => client.close())
  await expect(client.request({ method: 'GET', path: '/version' })).resolves.toEqual({
    through: true,
  })
  expect(tunnels).toEqual([`localhost:${stub.api.port}`])
})

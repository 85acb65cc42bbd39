/** The authority's own run(), beside a real controller. */
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import tls from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { run, type Authority, type AuthoritySettings } from '../../pkg/authority/run.ts'
import { run as runController } from '../../pkg/controller/run.ts'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { clientCredentialsRequest } from '../../pkg/token/exchange.ts'
import { quietLog } from '../support/discovery.ts'
import { freePorts } from '../support/free-ports.ts'
import { makeStateFolder, policyText, type StateFolder } from '../support/state-folder.ts'
import { until } from '../support/until.ts'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function prepare(): Promise<{ state: StateFolder; settings: AuthoritySettings }> {
  const state = makeStateFolder(['web', 'orders'])
  closers.push(() => state[Symbol.dispose]())
  state.write('orders.yaml', policyText('orders', 'web'))
  const { authority } = await freePorts(['authority'])
  const issuer = `https://127.0.0.1:${authority}`
  const loopback = { host: '127.0.0.1', port: 0 }
  const controller = await runController(
    {
      folder: state.folder,
      stateFolder: state.stateFolder,
      discoveryAddress: loopback,
      adminAddress: loopback,
      authorityIssuer: issuer,
      trustDomain: 'local.tokenward.dev',
      clusterDomain: 'cluster.local',
      allowPrivateIssuers: true,
    },
    quietLog(),
  )
  closers.push(() => controller.close())
  const at = (name: string): string => path.join(state.stateFolder, name)
  mkdirSync(at('authority'))
  writeFileSync(at('authority/discovery'), state.authorityToken())
  return {
    state,
    settings: {
      listenAddress: { ...loopback, port: authority },
      adminAddress: loopback,
      issuer,
      controllers: [controller.discoveryUrl],
      caFile: at('pki/root.crt'),
      discoveryTokenFile: at('authority/discovery'),
      signingKeyFile: at('keys/signing.json'),
      certificateFile: at('pki/controller.crt'),
      privateKeyFile: at('pki/controller.key'),
      stateFolder: at('authority'),
      allowPrivateIssuers: true,
    },
  }
}

async function start(settings: AuthoritySettings, logs: string[] = []): Promise<Authority> {
  const authority = await run(settings, {
    log: quietLog(logs),
    audit: () => undefined,
    followMs: 10,
  })
  closers.push(() => authority.close())
  return authority
}

const isReady = async ({ adminUrl }: Authority): Promise<boolean> =>
  (await fetch(`${adminUrl}/readyz`)).ok

function ask(url: string, ca: string, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const method = body === undefined ? 'GET' : 'POST'
    const request = https.request(url, { ca, method, headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

test('it follows the controller, serves over TLS, judges clients and stops', async () => {
  const { state, settings } = await prepare()
  const authority = await start(settings)
  await until('the authority is ready', () => isReady(authority))
  const jwks = await ask(`${authority.url}/jwks`, state.ca)
  expect(jwks.text).toMatch(/"kid":/)
  // A pod's token for the controller is none for the authority.
  const body = clientCredentialsRequest({
    assertion: state.token('web'),
    audience: 'http://orders.shop.svc.cluster.local',
    scopes: [],
  })
  const answer = await ask(`${authority.url}/token`, state.ca, body)
  expect(answer).toMatchObject({ status: 401 })
  expect(JSON.parse(answer.text)).toMatchObject({ reason: 'client_assertion' })
  const metrics = await (await fetch(`${authority.adminUrl}/metrics`)).text()
  expect(metrics).toMatch(/tokenward_authority_answers_total\{.*outcome="client_assertion"\} 1/)
  await authority.close()
  await expect(ask(`${authority.url}/jwks`, state.ca)).rejects.toThrow()
})

test('without the signing key it says so, waits, and is ready once it is there', async () => {
  const { settings } = await prepare()
  const logs: string[] = []
  const signingKeyFile = `${settings.signingKeyFile}.later`
  const authority = await start({ ...settings, signingKeyFile }, logs)
  expect(logs.join('')).toContain('the signing key cannot be read yet')
  await until('a policy', () => logs.some((line) => line.includes('connected')))
  expect(await isReady(authority)).toBe(false)
  writeFileSync(signingKeyFile, '{ "keys": [')
  writeFileSync(signingKeyFile, readFileSync(settings.signingKeyFile))
  await until('the authority is ready', () => isReady(authority))
})

test.each([
  ['no certificate', { certificateFile: '/nowhere/a.crt' }, /nowhere\/a\.crt cannot be read/],
  ['no roots', { caFile: '/nowhere/root.crt' }, /nowhere\/root\.crt cannot be read/],
])('%s is one clear line, and nothing is left open', async (_, change, words) => {
  const { settings } = await prepare()
  await expect(start({ ...settings, ...change })).rejects.toThrow(words)
  await start(settings)
})

test('a port in use is named, and nothing is left open', async () => {
  const { settings } = await prepare()
  const first = await start(settings)
  await expect(start(settings)).rejects.toThrow(/--listen-address.*in use/)
  await first.close()
  await start(settings)
})

/** A serving certificate in files of its own, another at each `write`. */
function ownFiles(folder: string) {
  const root = issueRoot()
  const at = (name: string): string => path.join(folder, name)
  const files = { certificateFile: at('own.crt'), privateKeyFile: at('own.key') }
  const write = (): void => {
    const serving = issueServing({ root, dnsNames: [], ipAddresses: ['127.0.0.1'] })
    writeFileSync(files.certificateFile, serving.certificate)
    writeFileSync(files.privateKeyFile, serving.privateKey)
  }
  write()
  return { files, write, ca: root.certificate }
}

test('a certificate that changes is served to new connections, and no open one is dropped', async () => {
  const { state, settings } = await prepare()
  const { files, write, ca } = ownFiles(state.stateFolder)
  const logs: string[] = []
  const { url } = await start({ ...settings, ...files }, logs)
  const { hostname, port } = new URL(url)
  const connect = async (): Promise<tls.TLSSocket> => {
    const socket = tls.connect({ host: hostname, port: Number(port), ca })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    return socket
  }
  const serialOf = async (): Promise<string> => {
    const socket = await connect()
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const before = await serialOf()
  const open = await connect()
  write()
  await until('the new one is served', async () => (await serialOf()) !== before)
  const after = await serialOf()
  writeFileSync(files.certificateFile, 'damaged')
  await until('it is said', () => logs.some((line) => line.includes('no PEM certificate')))
  expect(await serialOf()).toBe(after)
  open.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n')
  const [answer] = (await once(open, 'data')) as [Buffer]
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /)
  open.destroy()
})

test('roots that change are those that controllers are verified by', async () => {
  const { state, settings } = await prepare()
  const caFile = path.join(state.stateFolder, 'roots.crt')
  writeFileSync(caFile, issueRoot().certificate)
  const authority = await start({ ...settings, caFile })
  expect(await isReady(authority)).toBe(false)
  writeFileSync(caFile, state.ca)
  await until('the authority is ready', () => isReady(authority))
})

test('a controller that names another issuer is not followed', async () => {
  const { settings } = await prepare()
  const logs: string[] = []
  const authority = await start({ ...settings, issuer: 'https://other.example' }, logs)
  await until('it is said', () => logs.some((line) => line.includes('--authority-issuer')))
  expect(await isReady(authority)).toBe(false)
})

import { execFileSync, spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { expect, test } from 'vitest'
import { issueIntermediate, issueRoot, issueServing, type Issued } from './issue.ts'
import { checkServing, readCertificate } from './read.ts'

const names = { dnsNames: ['controller.tokenward-system.svc'], ipAddresses: ['127.0.0.1', '::1'] }

/** A real handshake on loopback: undefined where the client accepts the server. */
async function handshake(
  server: Issued,
  client: { ca: string; servername?: string },
): Promise<string | undefined> {
  const listener = tls.createServer({ cert: server.certificate, key: server.privateKey })
  listener.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  try {
    return await new Promise((resolve) => {
      const socket = tls.connect({ port, host: '127.0.0.1', minVersion: 'TLSv1.3', ...client })
      socket.on('secureConnect', () => {
        resolve(undefined)
        socket.destroy()
      })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    })
  } finally {
    listener.close()
  }
}

test('a serving certificate is accepted for its addresses and names, and for no others', async () => {
  const root = issueRoot()
  const serving = issueServing({ root, ...names })
  const ca = root.certificate
  expect(await handshake(serving, { ca })).toBeUndefined()
  expect(
    await handshake(serving, { ca, servername: 'controller.tokenward-system.svc' }),
  ).toBeUndefined()
  expect(await handshake(serving, { ca, servername: 'other.svc' })).toBe(
    'ERR_TLS_CERT_ALTNAME_INVALID',
  )
})

test('a certificate of another root of the same name is refused', async () => {
  const serving = issueServing({ root: issueRoot(), ...names })
  expect(await handshake(serving, { ca: issueRoot().certificate })).toBe(
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  )
})

test('a serving certificate cannot issue', async () => {
  const root = issueRoot()
  const serving = issueServing({ root, ...names })
  const issued = issueServing({ root: serving, ...names })
  const chain = { ...issued, certificate: issued.certificate + serving.certificate }
  expect(await handshake(chain, { ca: root.certificate })).toBeDefined()
})

test('a server of an intermediate is accepted by who knows only the root, where it shows its chain', async () => {
  const root = issueRoot()
  const intermediate = issueIntermediate({ root })
  const leaf = issueServing({ root: intermediate, ...names })
  const ca = root.certificate
  const chain = { ...leaf, certificate: leaf.certificate + intermediate.certificate }
  expect(await handshake(chain, { ca })).toBeUndefined()
  expect(await handshake(leaf, { ca })).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
})

test('an intermediate makes no further one', async () => {
  const root = issueRoot()
  const intermediate = issueIntermediate({ root })
  const second = issueIntermediate({ root: intermediate, commonName: 'second' })
  const leaf = issueServing({ root: second, ...names })
  const certificate = leaf.certificate + second.certificate + intermediate.certificate
  expect(await handshake({ ...leaf, certificate }, { ca: root.certificate })).toBeDefined()
})

test('an intermediate ends no later than its root', () => {
  const root = issueRoot({ now: new Date('2026-01-01T00:00:00Z') })
  const late = issueIntermediate({ root, now: new Date('2034-01-01T00:00:00Z') })
  expect(readCertificate(late.certificate, 'it').notAfter).toEqual(
    readCertificate(root.certificate, 'it').notAfter,
  )
})

test('an expired certificate is refused', async () => {
  const root = issueRoot()
  const then = new Date(Date.now() - 100 * 86_400_000)
  const serving = issueServing({ root, ...names, now: then })
  expect(await handshake(serving, { ca: root.certificate })).toBe('CERT_HAS_EXPIRED')
  expect(() => checkServing({ ...serving, now: new Date() })).toThrow('the certificate ended at')
  expect(() => checkServing({ ...serving, now: new Date(then.getTime() - 86_400_000) })).toThrow(
    'is valid from',
  )
  expect(checkServing({ ...serving, now: then }).isAuthority).toBe(false)
})

test('a serving certificate lasts 90 days and no longer than its root', () => {
  const now = new Date('2026-01-01T00:00:00Z')
  const root = issueRoot({ now })
  const ends = (days?: number): string => {
    const { certificate } = issueServing({ root, ...names, now, ...(days ? { days } : {}) })
    return readCertificate(certificate, 'it').notAfter.toISOString()
  }
  expect(ends()).toBe('2026-04-01T00:00:00.000Z')
  expect(ends(99_999)).toBe(readCertificate(root.certificate, 'it').notAfter.toISOString())
})

test('dates past 2049 are written in the long form', () => {
  const root = issueRoot({ now: new Date('2045-01-01T00:00:00Z') })
  expect(readCertificate(root.certificate, 'it').notAfter.getUTCFullYear()).toBe(2054)
})

test('what was issued is what is read', () => {
  const root = issueRoot({ commonName: 'Test root' })
  const serving = issueServing({ root, ...names })
  expect(readCertificate(root.certificate, 'it').isAuthority).toBe(true)
  expect(readCertificate(serving.certificate, 'it')).toMatchObject({
    dnsNames: names.dnsNames,
    ipAddresses: ['127.0.0.1', '0:0:0:0:0:0:0:1'],
    isAuthority: false,
  })
  const [ca, leaf] = [
    new X509Certificate(root.certificate),
    new X509Certificate(serving.certificate),
  ]
  expect(leaf.checkIssued(ca)).toBe(true)
  expect(leaf.serialNumber).not.toBe(new X509Certificate(root.certificate).serialNumber)
})

test.each([
  ['the key of another certificate', () => issueRoot().privateKey, 'does not belong'],
  ['a key that is none', () => 'no key', 'the private key is no PEM key'],
])('%s is refused', (_what, key, message) => {
  const serving = issueServing({ root: issueRoot(), ...names })
  expect(() => checkServing({ ...serving, privateKey: key(), now: new Date() })).toThrow(message)
})

test('a text that is no certificate is named', () => {
  expect(() => readCertificate('x', 'the root')).toThrow('the root is no PEM certificate')
})

test('a serving certificate with no name is not issued', () => {
  expect(() => issueServing({ root: issueRoot(), dnsNames: [], ipAddresses: [] })).toThrow(
    'needs a name or an address',
  )
})

const program = 'openssl'
const isInstalled = spawnSync(program, ['version']).status === 0

test.skipIf(!isInstalled)('openssl verifies the chain strictly', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-pki-'))
  try {
    const root = issueRoot()
    writeFileSync(path.join(folder, 'root.crt'), root.certificate)
    writeFileSync(path.join(folder, 'leaf.crt'), issueServing({ root, ...names }).certificate)
    const args = [
      'verify',
      '-x509_strict',
      '-purpose',
      'sslserver',
      '-CAfile',
      'root.crt',
      'leaf.crt',
    ]
    expect(execFileSync(program, args, { cwd: folder, encoding: 'utf8' })).toBe('leaf.crt: OK\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkServing } from '../pki/read.ts'
import { prepareCertificates } from './certificates.ts'
import { statePaths, type StatePaths } from './paths.ts'

const dayMs = 86_400_000
const now = new Date('2030-01-01T00:00:00Z')

function state(): StatePaths {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-pki-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return statePaths(folder)
}

function rootOf(paths: StatePaths): X509Certificate {
  return new X509Certificate(readFileSync(paths.certificate('root')))
}

test.each(['controller', 'authority'] as const)(
  'the %s can serve on this machine with a certificate of the root',
  (name) => {
    const paths = state()
    prepareCertificates(paths, now)
    const certificate = readFileSync(paths.certificate(name), 'utf8')
    const privateKey = readFileSync(paths.privateKey(name), 'utf8')
    expect(checkServing({ certificate, privateKey, now }).ipAddresses).toContain('127.0.0.1')
    expect(new X509Certificate(certificate).verify(rootOf(paths).publicKey)).toBe(true)
    expect(statSync(paths.privateKey(name)).mode & 0o777).toBe(0o600)
  },
)

test('the root stays from start to start, until it is about to end', () => {
  const paths = state()
  prepareCertificates(paths, now)
  const first = rootOf(paths)
  prepareCertificates(paths, new Date(now.getTime() + 300 * dayMs))
  expect(rootOf(paths).fingerprint256).toBe(first.fingerprint256)
  prepareCertificates(paths, new Date(first.validToDate.getTime() - 29 * dayMs))
  expect(rootOf(paths).fingerprint256).not.toBe(first.fingerprint256)
})

test('a clock that was set back to before the root makes another one', () => {
  const paths = state()
  prepareCertificates(paths, now)
  const first = rootOf(paths)
  prepareCertificates(paths, new Date(now.getTime() - dayMs))
  expect(rootOf(paths).fingerprint256).not.toBe(first.fingerprint256)
})

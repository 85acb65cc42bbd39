import { issueRoot, issueServing, type Issued } from '../pki/issue.ts'
import { readCertificate } from '../pki/read.ts'
import type { CertificateName, StatePaths } from './paths.ts'
import { readStateFile, writeStateFile } from './state-file.ts'

/** A root that ends sooner than this is replaced at a start. */
const rootMarginMs = 30 * 86_400_000

/**
 * The root of this state folder, made where there is none or it ends soon, and a fresh serving
 * certificate of it for controller and authority. They are good for 90 days from each start.
 */
export function prepareCertificates(paths: StatePaths, now: Date): void {
  const root = keptRoot(paths, now) ?? issueRoot({ commonName: 'Tokenward local root', now })
  write(paths, 'root', root)
  for (const name of ['controller', 'authority'] as const) {
    const addresses = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] }
    write(paths, name, issueServing({ root, ...addresses, now }))
  }
}

function keptRoot(paths: StatePaths, now: Date): Issued | undefined {
  const certificate = readStateFile(paths.certificate('root'))
  const privateKey = readStateFile(paths.privateKey('root'))
  if (certificate === undefined || privateKey === undefined) return undefined
  const { notBefore, notAfter } = readCertificate(certificate, paths.certificate('root'))
  const valid = now >= notBefore && now.getTime() + rootMarginMs < notAfter.getTime()
  return valid ? { certificate, privateKey } : undefined
}

function write(paths: StatePaths, name: CertificateName, issued: Issued): void {
  writeStateFile(paths.privateKey(name), issued.privateKey)
  writeStateFile(paths.certificate(name), issued.certificate)
}

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  X509Certificate,
} from 'node:crypto'
import { makeCertificate } from './certificate.ts'

const dayMs = 86_400_000
/** Clocks of the machines that read a certificate may be a little behind. */
const backdatedMs = 5 * 60_000
const rootDays = 3650
const intermediateDays = 1825
const servingDays = 90

/** PEM, both. */
export interface Issued {
  readonly certificate: string
  readonly privateKey: string
}

/** A new root: P-256, self-signed, ten years. */
export function issueRoot(
  options: { readonly commonName?: string; readonly now?: Date } = {},
): Issued {
  const { commonName = 'Tokenward root', now = new Date() } = options
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = makeCertificate({
    subject: commonName,
    subjectKey: key.publicKey,
    issuer: commonName,
    issuerKey: key,
    ...validity(now, rootDays),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return { certificate, privateKey: pemOf(key.privateKey) }
}

/**
 * A new intermediate of that root: P-256, five years and never past the root's end, for serving
 * certificates alone, and no further intermediates (RFC 5280 4.2.1.9, 4.2.1.12).
 */
export function issueIntermediate(options: {
  readonly root: Issued
  readonly commonName?: string
  readonly now?: Date
}): Issued {
  const { root, commonName = 'Tokenward servers', now = new Date() } = options
  const issuer = new X509Certificate(root.certificate)
  const rootKey = createPrivateKey(root.privateKey)
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { notBefore, notAfter } = validity(now, intermediateDays)
  const certificate = makeCertificate({
    subject: commonName,
    subjectKey: key.publicKey,
    issuer: commonNameOf(issuer),
    issuerKey: { publicKey: createPublicKey(rootKey), privateKey: rootKey },
    notBefore,
    notAfter: earlier(notAfter, issuer.validToDate),
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
    ],
  })
  return { certificate, privateKey: pemOf(key.privateKey) }
}

/**
 * A new serving certificate of that root or intermediate, for these names and addresses (at least one), 90 days unless
 * `days` says otherwise; never past its issuer's own end. The certificate alone, without its chain.
 */
export function issueServing(options: {
  readonly root: Issued
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  readonly days?: number
  readonly now?: Date
}): Issued {
  const { root, dnsNames, ipAddresses, days = servingDays, now = new Date() } = options
  const altNames = [
    ...dnsNames.map((value) => ({ type: 2, value })),
    ...ipAddresses.map((ip) => ({ type: 7, ip })),
  ]
  const first = dnsNames[0] ?? ipAddresses[0]
  if (first === undefined) throw new Error('a serving certificate needs a name or an address')
  const issuer = new X509Certificate(root.certificate)
  const rootKey = createPrivateKey(root.privateKey)
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { notBefore, notAfter } = validity(now, days)
  const certificate = makeCertificate({
    // A common name holds 64 characters (RFC 5280 A.1); who is meant is in the alternative names.
    subject: first.slice(0, 64),
    subjectKey: key.publicKey,
    issuer: commonNameOf(issuer),
    issuerKey: { publicKey: createPublicKey(rootKey), privateKey: rootKey },
    notBefore,
    notAfter: earlier(notAfter, issuer.validToDate),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames },
    ],
  })
  return { certificate, privateKey: pemOf(key.privateKey) }
}

function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return {
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: new Date(now.getTime() + days * dayMs),
  }
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other
}

function pemOf(key: ReturnType<typeof createPrivateKey>): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString()
}

function commonNameOf(certificate: X509Certificate): string {
  const name = /^CN=(.*)$/m.exec(certificate.subject)?.[1]
  if (name === undefined) throw new Error('the issuer has no common name')
  return name
}

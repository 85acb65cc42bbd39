import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { StartError } from '../refusal/exit-codes.ts'

/** A certificate or key that cannot be used; the message says which and why, never what is in it. */
class CertificateError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'CertificateError'
  }
}

export interface CertificateFacts {
  readonly notBefore: Date
  readonly notAfter: Date
  readonly isAuthority: boolean
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

/** The first certificate of a PEM text. Throws CertificateError; `what` names it there. */
export function readCertificate(pem: string, what: string): CertificateFacts {
  const certificate = parse(pem, what)
  const names = certificate.subjectAltName?.split(', ') ?? []
  const of = (prefix: string): string[] =>
    names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
  return {
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    isAuthority: certificate.ca,
    dnsNames: of('DNS:'),
    ipAddresses: of('IP Address:'),
  }
}

/**
 * Checks that a server can serve with these: both parse, belong together and are valid now. Throws
 * CertificateError.
 */
export function checkServing(options: {
  readonly certificate: string
  readonly privateKey: string
  readonly now: Date
}): CertificateFacts {
  const facts = readCertificate(options.certificate, 'the certificate')
  let key: KeyObject
  try {
    key = createPrivateKey(options.privateKey)
  } catch {
    // The cause of a parse error may show what was parsed.
    throw new CertificateError('the private key is no PEM key')
  }
  if (!parse(options.certificate, 'the certificate').checkPrivateKey(key)) {
    throw new CertificateError('the private key does not belong to the certificate')
  }
  if (options.now < facts.notBefore) {
    throw new CertificateError(
      `the certificate is valid from ${facts.notBefore.toISOString()} only`,
    )
  }
  if (options.now >= facts.notAfter) {
    throw new CertificateError(`the certificate ended at ${facts.notAfter.toISOString()}`)
  }
  return facts
}

/**
 * Whether the first certificate of a chain (PEM) leads to one of these roots (PEM) over the others that
 * follow it: each signed by the next, whatever their dates say. False for what cannot be read.
 */
export function isIssuedBy(chain: string, roots: string): boolean {
  try {
    const certificates = certificatesIn(chain)
    const last = certificates.at(-1)
    const links = certificates
      .slice(0, -1)
      .every((one, at) => isSignedBy(one, certificates[at + 1]))
    return (
      links && certificatesIn(roots).some((root) => last !== undefined && isSignedBy(last, root))
    )
  } catch {
    return false
  }
}

function certificatesIn(pem: string): X509Certificate[] {
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return texts.map((text) => new X509Certificate(text))
}

function isSignedBy(one: X509Certificate, issuer: X509Certificate | undefined): boolean {
  return issuer?.ca === true && one.checkIssued(issuer) && one.verify(issuer.publicKey)
}

/** The text of a file of PEM roots, as a process needs them to start. Rejects with StartError. */
export async function readRoots(file: string): Promise<string> {
  const pem = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = `${file} cannot be read (${error.code ?? error.message})`
    throw new StartError('inputMissing', `the roots ${why}`)
  })
  return rootsOf(pem, file)
}

/** PEM roots that a process was given as text; `what` names where. Throws StartError. */
export function rootsOf(pem: string, what: string): string {
  try {
    readCertificate(pem, what)
  } catch (error) {
    throw new StartError('inputInvalid', `the roots ${(error as Error).message}`, error)
  }
  return pem
}

function parse(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new CertificateError(`${what} is no PEM certificate`, cause)
  }
}

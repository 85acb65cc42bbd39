/**
 * X.509 certificates with P-256 keys (RFC 5280, RFC 5480), put together from ASN.1: node-forge's own
 * certificates know RSA only. What is signed and hashed is node:crypto's.
 */
import { createHash, randomBytes, sign, type KeyObject } from 'node:crypto'
import forge from 'node-forge'

const { asn1 } = forge
type Asn1 = forge.asn1.Asn1

/** An extension as node-forge reads it, by name. */
type Extension = Readonly<Record<string, unknown>>

export interface CertificateRequest {
  readonly subject: string
  readonly subjectKey: KeyObject
  readonly issuer: string
  readonly issuerKey: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly Extension[]
}

const ecdsaWithSha256 = '1.2.840.10045.4.3.2'
const subjectKeyIdentifier = '2.5.29.14'
const authorityKeyIdentifier = '2.5.29.35'
/** UTCTime has two digits for the year (RFC 5280 4.1.2.5). */
const lastUtcTimeYear = 2049

/** Signs a certificate; gives its PEM. */
export function makeCertificate(request: CertificateRequest): string {
  const { issuerKey, subjectKey } = request
  const algorithm = sequence(oid(ecdsaWithSha256))
  const body = sequence(
    asn1.create(asn1.Class.CONTEXT_SPECIFIC, 0, true, [integer('\x02')]),
    integer(serial()),
    algorithm,
    name(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    name(request.subject),
    spki(subjectKey),
    extensions([
      ...request.extensions,
      { id: subjectKeyIdentifier, value: octets(keyIdentifier(subjectKey)) },
      {
        id: authorityKeyIdentifier,
        value: sequence(
          asn1.create(asn1.Class.CONTEXT_SPECIFIC, 0, false, keyIdentifier(issuerKey.publicKey)),
        ),
      },
    ]),
  )
  const signature = sign('sha256', derOf(body), issuerKey.privateKey).toString('latin1')
  const certificate = sequence(
    body,
    algorithm,
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BITSTRING, false, `\x00${signature}`),
  )
  const lines =
    derOf(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

/** Positive, 127 random bits, never zero (RFC 5280 4.1.2.2). */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('latin1')
}

/** SHA-1 of the public key's bits (RFC 5280 4.2.1.2, method 1): a name, no signature. */
function keyIdentifier(key: KeyObject): string {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  const bits = [Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]
  return createHash('sha1').update(Buffer.concat(bits)).digest('latin1')
}

function extensions(list: readonly Extension[]): Asn1 {
  // `setExtensions` works out the values of those that are given by name.
  const filled = forge.pki.createCertificate()
  filled.setExtensions(list.map((extension) => ({ ...extension })))
  const { pki } = forge as unknown as {
    pki: { certificateExtensionsToAsn1(extensions: unknown): Asn1 }
  }
  return pki.certificateExtensionsToAsn1(filled.extensions)
}

function name(commonName: string): Asn1 {
  const attribute = {
    type: forge.pki.oids.commonName ?? '',
    value: commonName,
    valueTagClass: asn1.Type.UTF8,
  }
  return forge.pki.distinguishedNameToAsn1({
    attributes: [attribute as unknown as forge.pki.CertificateField],
  })
}

function time(date: Date): Asn1 {
  return date.getUTCFullYear() > lastUtcTimeYear
    ? asn1.create(
        asn1.Class.UNIVERSAL,
        asn1.Type.GENERALIZEDTIME,
        false,
        asn1.dateToGeneralizedTime(date),
      )
    : asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date))
}

function spki(key: KeyObject): Asn1 {
  return asn1.fromDer(key.export({ format: 'der', type: 'spki' }).toString('latin1'))
}

function derOf(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1')
}

function sequence(...items: Asn1[]): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, items)
}

function integer(bytes: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.INTEGER, false, bytes)
}

function octets(bytes: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OCTETSTRING, false, bytes)
}

function oid(text: string): Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(text).getBytes())
}

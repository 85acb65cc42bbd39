import { issueServing } from '../../pki/issue.ts'
import { checkServing, isIssuedBy, readCertificate } from '../../pki/read.ts'
import type { Root } from './root.ts'
import { SecretError, valueIn, type Secret } from './secret.ts'

/** What a server shows to its clients. */
export interface Serving {
  /** PEM: the certificate and its intermediate. */
  readonly certificate: string
  /** PEM. */
  readonly privateKey: string
  /** PEM: the roots that clients of the control plane believe. */
  readonly bundle: string
  readonly notAfter: Date
}

/** The names under which a Service of ours is called. */
export function namesOf(service: string, namespace: string, clusterDomain: string): string[] {
  const short = `${service}.${namespace}`
  return [`${short}.svc`, short, service, `${short}.svc.${clusterDomain}`]
}

/** The values of a new serving Secret, for 90 days. */
export function makeServing(
  root: Root,
  dnsNames: readonly string[],
  now: Date,
): Readonly<Record<string, string>> {
  const leaf = issueServing({ root: root.intermediate, dnsNames, ipAddresses: [], now })
  return {
    'tls.crt': leaf.certificate + root.intermediate.certificate,
    'tls.key': leaf.privateKey,
    'ca.crt': root.bundle,
  }
}

/** What a serving Secret holds, where a server can serve with it now. Throws SecretError. */
export function readServing(secret: Secret, now: Date): Serving {
  const certificate = valueIn(secret, 'tls.crt')
  const privateKey = valueIn(secret, 'tls.key')
  const bundle = valueIn(secret, 'ca.crt')
  try {
    readCertificate(bundle, 'ca.crt')
    const { notAfter } = checkServing({ certificate, privateKey, now })
    return { certificate, privateKey, bundle, notAfter }
  } catch (error) {
    throw new SecretError(error instanceof Error ? error.message : 'it cannot be used')
  }
}

/**
 * What must become of a serving Secret: new values and why, or undefined while it is good. A certificate
 * is renewed at two thirds of its life; one of an older root that is still believed stays until then.
 */
export function renewalOf(
  secret: Secret,
  wanted: { readonly root: Root; readonly dnsNames: readonly string[]; readonly now: Date },
): { readonly values: Readonly<Record<string, string>>; readonly why: string } | undefined {
  const { root, dnsNames, now } = wanted
  const renew = (why: string) => ({ values: makeServing(root, dnsNames, now), why })
  let serving: Serving
  try {
    serving = readServing(secret, now)
  } catch (error) {
    return renew(error instanceof Error ? error.message : 'it cannot be used')
  }
  const { certificate, bundle } = serving
  const { notBefore, notAfter, dnsNames: named } = readCertificate(certificate, 'tls.crt')
  const lifeMs = notAfter.getTime() - notBefore.getTime()
  const isDue = now.getTime() >= notBefore.getTime() + (lifeMs * 2) / 3
  // A certificate that ends with its issuer is not made anew, ever faster, for no gain.
  const issuerEnds = readCertificate(root.intermediate.certificate, 'intermediate.crt').notAfter
  if (isDue && notAfter < issuerEnds) {
    return renew('two thirds of its life have passed')
  }
  if (!dnsNames.every((name) => named.includes(name))) return renew('it lacks a name')
  if (!isIssuedBy(certificate, root.bundle)) return renew('it is not of a root of ours')
  if (bundle === root.bundle) return undefined
  return { values: { ...secret.values, 'ca.crt': root.bundle }, why: 'the roots have changed' }
}

import { issueIntermediate, issueRoot, type Issued } from '../../pki/issue.ts'
import { checkServing, isIssuedBy } from '../../pki/read.ts'
import { SecretError, valueIn, type Secret } from './secret.ts'

/** Who signs the certificates of the control plane's servers. */
export interface Root {
  /** PEM: every root that is believed, the one that signs first. */
  readonly bundle: string
  readonly intermediate: Issued
}

/**
 * The values of a new `tokenward-root`. `older` (PEM) are roots that stay believed: whoever was told of
 * them knows no other yet.
 */
export function makeRoot(now: Date, older = ''): Readonly<Record<string, string>> {
  const root = issueRoot({ now })
  const intermediate = issueIntermediate({ root, now })
  return {
    'root.crt': root.certificate + older,
    'root.key': root.privateKey,
    'intermediate.crt': intermediate.certificate,
    'intermediate.key': intermediate.privateKey,
  }
}

/** What `tokenward-root` holds. Throws SecretError. */
export function readRoot(secret: Secret, now: Date): Root {
  const bundle = valueIn(secret, 'root.crt')
  const intermediate = checked(secret, 'intermediate', now)
  checked(secret, 'root', now)
  if (!isIssuedBy(intermediate.certificate, bundle)) {
    throw new SecretError('intermediate.crt is not of the root in root.crt')
  }
  return { bundle, intermediate }
}

function checked(secret: Secret, what: 'root' | 'intermediate', now: Date): Issued {
  const certificate = valueIn(secret, `${what}.crt`)
  const privateKey = valueIn(secret, `${what}.key`)
  let isAuthority: boolean
  try {
    isAuthority = checkServing({ certificate, privateKey, now }).isAuthority
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it cannot be used'
    throw new SecretError(`${what}.crt and ${what}.key cannot be used: ${why}`)
  }
  if (!isAuthority) throw new SecretError(`${what}.crt is no certificate that may issue`)
  return { certificate, privateKey }
}

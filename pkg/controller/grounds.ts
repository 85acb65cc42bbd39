import type { KeysSection } from '../policy/workload-policy.ts'
import { publicKeysIn } from './keys.ts'
import type { Secrets } from './secrets/follow.ts'
import type { OnDamage } from './secrets/keep.ts'
import { secretNames, valueIn } from './secrets/secret.ts'
import { readServing, type Serving } from './secrets/serving.ts'
import type { ServiceAccountKeys } from './service-account-keys.ts'
import type { Believed } from './sources/cluster.ts'
import type { Trust } from './sources/snapshot.ts'

/** What a replica stands on that is kept in Secrets, or known to the API server alone. */
export interface Grounds {
  /** The certificate to serve with; the last good one where the Secret is damaged or gone. */
  serving(): Serving | undefined
  /** Undefined until all of it is known; the same parts while they do not change. */
  believed(): Believed | undefined
  /** What is still waited for, in words. */
  missing(): readonly string[]
  /** The Secrets may have changed. */
  look(now: Date): void
}

/** Reads the Secrets again and again; what cannot be read is a problem, and the last good state stays. */
export function createGrounds(options: {
  readonly secrets: Secrets
  readonly serviceAccountKeys: ServiceAccountKeys
  readonly namespace: string
  /** Issuer identifier of the authority. */
  readonly issuer: string
  readonly onDamage: OnDamage
}): Grounds {
  const { secrets, serviceAccountKeys, namespace, issuer, onDamage } = options
  let serving: Serving | undefined
  let servingVersion = ''
  let keys: KeysSection | undefined
  let keysVersion = ''
  let trust: Trust | undefined

  const lookAtServing = (now: Date): void => {
    const secret = secrets.get('controller')
    if (secret === undefined || secret.resourceVersion === servingVersion) return
    try {
      serving = readServing(secret, now)
      servingVersion = secret.resourceVersion
      onDamage('controller', undefined)
    } catch (error) {
      onDamage('controller', error instanceof Error ? error.message : 'it cannot be used')
    }
  }
  const lookAtKeys = (): void => {
    const secret = secrets.get('signingKeys')
    if (secret === undefined || secret.resourceVersion === keysVersion) return
    const found = publicKeysIn(textIn(() => valueIn(secret, 'signing.json')))
    onDamage('signingKeys', found === undefined ? 'signing.json is damaged' : undefined)
    if (found === undefined) return
    keysVersion = secret.resourceVersion
    keys = { issuer, keys: found }
  }
  const lookAtTrust = (): void => {
    const serviceAccounts = serviceAccountKeys.current()
    if (serving === undefined || serviceAccounts === undefined) return
    const { bundle } = serving
    if (trust?.bundle === bundle && trust.serviceAccounts === serviceAccounts) return
    trust = { bundle, serviceAccounts }
  }

  return {
    serving: () => serving,
    believed: () =>
      trust === undefined || keys === undefined
        ? undefined
        : {
            trust,
            keys,
            versions: {
              Trust: secrets.version('controller'),
              Keys: secrets.version('signingKeys'),
            },
          },
    missing: () => [
      ...(serving === undefined ? [`Secret ${namespace}/${secretNames.controller}`] : []),
      ...(keys === undefined ? [`Secret ${namespace}/${secretNames.signingKeys}`] : []),
      ...(serviceAccountKeys.current() === undefined ? ['the keys of service accounts'] : []),
    ],
    look(now) {
      lookAtServing(now)
      lookAtKeys()
      lookAtTrust()
    },
  }
}

/** A value that is missing reads as a damaged one. */
function textIn(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}

import type { KubeClient } from '../../kube/client.ts'
import { KubeError } from '../../kube/kube-error.ts'
import { pathOf, type Resource } from '../../kube/resource.ts'
import type { Log } from '../../telemetry/log.ts'
import { makeSigningKeys } from '../keys.ts'
import type { Secrets, SecretUse } from './follow.ts'
import { makeRoot, readRoot, type Root } from './root.ts'
import { secretNames, secretObject, type Secret } from './secret.ts'
import { makeServing, namesOf, renewalOf } from './serving.ts'

const secretResource: Resource = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  isNamespaced: true,
}
const servers = ['controller', 'authority', 'webhook'] as const

/** What becomes of a Secret that cannot be used: its own words, or undefined for one that can. */
export type OnDamage = (use: SecretUse, message: string | undefined) => void

/**
 * One round of the leader over the Secrets of the control plane: makes those that are missing, renews
 * certificates. Damaged roots and signing keys are left to people, because what stands on them would die.
 * Another writer may be faster: its work then shows in the next view.
 */
export async function keepSecrets(options: {
  readonly client: KubeClient
  readonly secrets: Secrets
  readonly namespace: string
  readonly clusterDomain: string
  readonly now: Date
  readonly log: Log
  readonly onDamage: OnDamage
}): Promise<void> {
  const { client, secrets, namespace, now, log, onDamage } = options
  if (!secrets.synced()) return

  const write = async (
    use: SecretUse,
    values: Readonly<Record<string, string>>,
    instead?: Secret,
  ): Promise<void> => {
    const name = secretNames[use]
    const object = { namespace, name, values }
    const isNew = instead === undefined
    try {
      await client.request({
        method: isNew ? 'POST' : 'PUT',
        path: pathOf(secretResource, isNew ? { namespace } : { namespace, name }),
        body: secretObject(isNew ? object : { ...object, instead }),
      })
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) {
        log.info({ secret: name }, 'another controller was faster')
        return
      }
      throw error
    }
    log.info({ secret: name }, isNew ? 'a Secret is made' : 'a Secret is replaced')
  }
  const keepRoot = async (): Promise<Root | undefined> => {
    const secret = secrets.get('root')
    if (secret === undefined) {
      // Sidecars know no other root than those that the servers showed so far.
      await write('root', makeRoot(now, secrets.get('controller')?.values['ca.crt']))
      return undefined
    }
    const root = readOr(() => readRoot(secret, now))
    onDamage('root', typeof root === 'string' ? root : undefined)
    return typeof root === 'string' ? undefined : root
  }
  const keepServing = async (use: (typeof servers)[number], root: Root): Promise<void> => {
    const dnsNames = namesOf(`tokenward-${use}`, namespace, options.clusterDomain)
    const secret = secrets.get(use)
    if (secret === undefined) return write(use, makeServing(root, dnsNames, now))
    const renewal = renewalOf(secret, { root, dnsNames, now })
    if (renewal === undefined) return
    log.info({ secret: secret.name, why: renewal.why }, 'a serving certificate is renewed')
    await write(use, renewal.values, secret)
  }

  if (secrets.get('signingKeys') === undefined) {
    await write('signingKeys', { 'signing.json': makeSigningKeys(now).text })
  }
  const root = await keepRoot()
  if (root === undefined) return
  for (const use of servers) await keepServing(use, root)
}

function readOr<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    return error instanceof Error ? error.message : 'it cannot be used'
  }
}

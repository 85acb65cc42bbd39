import type { KubeClient } from '../../kube/client.ts'
import type { CountsOfKind } from '../../kube/measure.ts'
import { createReflector, type Reflector } from '../../kube/reflector.ts'
import type { Log } from '../../telemetry/log.ts'
import { readSecret, secretNames, type Secret } from './secret.ts'

export type SecretUse = keyof typeof secretNames

/** The Secrets of the control plane as they are. */
export interface Secrets {
  /** Undefined where there is none, or none is known yet. */
  get(use: SecretUse): Secret | undefined
  /** How far it was looked at. */
  version(use: SecretUse): number
  synced(): boolean
  problems(): readonly string[]
  counts(): readonly CountsOfKind[]
  close(): void
}

/** Follows them by name: a right to others is not needed. */
export function followSecrets(options: {
  readonly client: KubeClient
  readonly namespace: string
  readonly log: Log
  readonly onChange: () => void
}): Secrets {
  const { client, namespace, log, onChange } = options
  const followed = new Map<SecretUse, Reflector<Secret>>()
  for (const [use, name] of Object.entries(secretNames)) {
    const reflector = createReflector({
      client,
      path: `/api/v1/namespaces/${namespace}/secrets`,
      query: { fieldSelector: `metadata.name=${name}` },
      transform: readSecret,
      onChange,
      log: log.child({ secret: name }),
    })
    followed.set(use as SecretUse, reflector)
    reflector.start()
  }
  const all = [...followed.values()]
  return {
    get: (use) => followed.get(use)?.items().get(`${namespace}/${secretNames[use]}`),
    version: (use) => followed.get(use)?.version() ?? 0,
    synced: () => all.every((one) => one.synced()),
    problems: () => [...new Set(all.flatMap((one) => one.problem() ?? []))],
    counts: () => all.map((one) => ['Secret', one.counts()]),
    close() {
      for (const one of all) one.close()
    },
  }
}

import { apply } from '../kube/apply.ts'
import type { KubeClient } from '../kube/client.ts'
import { KubeError } from '../kube/kube-error.ts'
import type { CountsOfKind } from '../kube/measure.ts'
import type { KubeObject } from '../kube/objects.ts'
import { createReflector, type Reflector } from '../kube/reflector.ts'
import type { Resource } from '../kube/resource.ts'
import type { Log } from '../telemetry/log.ts'

const name = 'tokenward-webhook'
const kinds = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'] as const

interface Configuration {
  readonly resourceVersion: string
  readonly webhooks: readonly { readonly name: string; readonly caBundle: string }[]
}

/** The roots that API servers believe of our webhook. */
export interface CaBundles {
  /**
   * Writes these roots (PEM) into both configurations where others stand; rejects with KubeError. One that
   * somebody else has just written is left: `onChange` comes with it.
   */
  keep(bundle: string): Promise<void>
  problems(): readonly string[]
  counts(): readonly CountsOfKind[]
  close(): void
}

/** Follows both webhook configurations by name. One that is not there (yet) is left alone. */
export function followCaBundles(options: {
  readonly client: KubeClient
  readonly log: Log
  readonly onChange: () => void
}): CaBundles {
  const { client, log, onChange } = options
  const followed = kinds.map((kind): [Resource, Reflector<Configuration>] => {
    const resource: Resource = {
      group: 'admissionregistration.k8s.io',
      version: 'v1',
      plural: `${kind.toLowerCase()}s`,
      kind,
      isNamespaced: false,
    }
    const reflector = createReflector({
      client,
      path: `/apis/${resource.group}/${resource.version}/${resource.plural}`,
      query: { fieldSelector: `metadata.name=${name}` },
      transform: readConfiguration,
      onChange,
      log,
    })
    reflector.start()
    return [resource, reflector]
  })
  return {
    async keep(bundle) {
      const caBundle = Buffer.from(bundle).toString('base64')
      for (const [resource, reflector] of followed) {
        const { resourceVersion, webhooks = [] } = reflector.items().get(name) ?? {}
        if (
          resourceVersion === undefined ||
          webhooks.every((webhook) => webhook.caBundle === caBundle)
        )
          continue
        const object = {
          metadata: { name },
          webhooks: webhooks.map((webhook) => ({ name: webhook.name, clientConfig: { caBundle } })),
        }
        const fieldManager = 'tokenward-controller'
        const { kind } = resource
        try {
          await apply(client, { resource, object }, { fieldManager, resourceVersion })
          log.info({ kind }, 'the roots of the webhook are written')
        } catch (error) {
          if (!(error instanceof KubeError) || error.status !== 409) throw error
          log.debug({ kind }, 'the roots of the webhook wait for what somebody else wrote')
        }
      }
    },
    problems: () => followed.flatMap(([, reflector]) => reflector.problem() ?? []),
    counts: () => followed.map(([{ kind }, reflector]) => [kind, reflector.counts()]),
    close() {
      for (const [, reflector] of followed) reflector.close()
    },
  }
}

function readConfiguration(object: KubeObject): Configuration {
  const { webhooks = [] } = object as {
    readonly webhooks?: readonly {
      readonly name: string
      readonly clientConfig?: { readonly caBundle?: string }
    }[]
  }
  return {
    resourceVersion: object.metadata.resourceVersion,
    webhooks: webhooks.map((webhook) => ({
      name: webhook.name,
      caBundle: webhook.clientConfig?.caBundle ?? '',
    })),
  }
}

import type { KubeClient } from '../../pkg/kube/client.ts'
import { KubeError } from '../../pkg/kube/kube-error.ts'
import { pathOf } from '../../pkg/kube/resource.ts'

const configurations = [
  { kind: 'MutatingWebhookConfiguration', plural: 'mutatingwebhookconfigurations' },
  { kind: 'ValidatingWebhookConfiguration', plural: 'validatingwebhookconfigurations' },
]

/** Deletes our two webhook configurations; one that is gone is done. Gives a line for each; throws KubeError. */
export async function removeWebhooks(client: KubeClient): Promise<string[]> {
  const lines: string[] = []
  for (const { kind, plural } of configurations) {
    const resource = {
      ...{ group: 'admissionregistration.k8s.io', version: 'v1', isNamespaced: false },
      ...{ kind, plural },
    }
    const path = pathOf(resource, { name: 'tokenward-webhook' })
    const gone = await client.request({ method: 'DELETE', path }).then(
      () => 'removed',
      (error: unknown) => {
        if (error instanceof KubeError && error.status === 404) return 'was not there'
        throw error
      },
    )
    lines.push(`${kind} tokenward-webhook: ${gone}`)
  }
  return lines
}

import type { KubeClient } from '../../pkg/kube/client.ts'
import { pathOf } from '../../pkg/kube/resource.ts'
import type { Rendered } from './helm.ts'

const clusterScoped =
  /^(Namespace|CustomResourceDefinition|ClusterRole|ClusterRoleBinding|.*Configuration|.*Policy|.*PolicyBinding)$/

/** Creates an object of the chart; a field that the server does not know is refused. Throws KubeError. */
export async function putRendered(
  client: KubeClient,
  object: Rendered,
  query: { readonly dryRun?: 'All' } = {},
): Promise<void> {
  const { apiVersion, kind, metadata } = object
  const [version = '', group = ''] = apiVersion.split('/').reverse()
  const isNamespaced = !clusterScoped.test(kind)
  const plural = `${kind.toLowerCase()}s`.replace(/ys$/, 'ies')
  const resource = { group, version, plural, kind, isNamespaced }
  await client.request({
    method: 'POST',
    path: pathOf(resource, isNamespaced ? { namespace: metadata.namespace ?? 'default' } : {}),
    query: { fieldValidation: 'Strict', ...query },
    body: object,
  })
}

import { injectKey } from '../../api/keys.ts'
import type { InjectConfig, NamespaceFacts } from './config.ts'
import type { PodView } from './pod.ts'

/** Why a pod is let through as it is. */
export type SkipReason =
  'not_selected' | 'disabled' | 'host_network' | 'mirror_pod' | 'own_namespace'

export type Selection =
  | { readonly kind: 'inject'; readonly isRequired: boolean }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly warning?: string }
  | { readonly kind: 'refuse'; readonly message: string }

/** Whether a pod gets a sidecar: its own label beats the namespace's, but `required` lets nobody out. */
export function select(pod: PodView, namespace: NamespaceFacts, config: InjectConfig): Selection {
  if (namespace.name === config.namespace) return { kind: 'skip', reason: 'own_namespace' }
  const wish = pod.labels[injectKey]
  const said = namespace.labels[injectKey]
  const isRequired = said === 'required'
  if (said !== undefined && !['enabled', 'disabled', 'required'].includes(said)) {
    const shown = JSON.stringify(said)
    return refuse(
      `label ${injectKey} of namespace ${namespace.name} is ${shown} and must be enabled, disabled or required`,
    )
  }
  if (wish !== undefined && wish !== 'enabled' && wish !== 'disabled') {
    const shown = JSON.stringify(wish)
    return refuse(`label ${injectKey} of the pod is ${shown} and must be enabled or disabled`)
  }
  if (!isRequired && wish !== 'enabled' && said !== 'enabled') {
    return { kind: 'skip', reason: 'not_selected' }
  }
  if (wish === 'disabled') {
    return isRequired
      ? refuse(`label ${injectKey}: disabled: ${required(namespace)} lets no pod out`)
      : { kind: 'skip', reason: 'disabled' }
  }
  // Made by a kubelet for a static pod, which it runs whatever becomes of this.
  if (Object.hasOwn(pod.annotations, 'kubernetes.io/config.mirror')) {
    return isRequired
      ? refuse(`a static pod cannot have a sidecar, and ${required(namespace)} demands one`)
      : { kind: 'skip', reason: 'mirror_pod' }
  }
  if (pod.spec['hostNetwork'] === true) {
    return isRequired
      ? refuse(
          `hostNetwork: true: such a pod cannot have a sidecar, and ${required(namespace)} demands one`,
        )
      : {
          kind: 'skip',
          reason: 'host_network',
          warning: 'the pod gets no Tokenward sidecar: it uses the network of its node',
        }
  }
  return { kind: 'inject', isRequired }
}

export function required({ name }: Pick<NamespaceFacts, 'name'>): string {
  return `namespace ${name} (${injectKey}: required)`
}

function refuse(message: string): Selection {
  return { kind: 'refuse', message }
}

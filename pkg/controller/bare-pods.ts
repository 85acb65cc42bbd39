import type { Namespace, Pod } from '../api/core.ts'
import { injectKey } from '../api/keys.ts'
import type { Events } from '../kube/events.ts'
import type { Outcome } from './reconcile.ts'

/**
 * Tells once of each pod that should have a sidecar by its labels or its namespace's and has none: it was
 * made while the webhook was away, or before the label.
 */
export function createBarePods(events: Events, namespace: string): (outcome: Outcome) => void {
  let told: ReadonlySet<string> = new Set()
  return ({ snapshot: { resources, server } }) => {
    if (server === undefined) return
    const namespaces = new Map(
      resources
        .filter((one): one is Namespace => one.kind === 'Namespace')
        .map(({ metadata }) => [metadata.name, metadata.labels?.[injectKey]]),
    )
    const pods = resources.filter(
      (one): one is Pod =>
        one.kind === 'Pod' &&
        server.guards.get(one.metadata.uid)?.kind === 'none' &&
        one.metadata.namespace !== namespace &&
        isWanted(one.metadata.labels?.[injectKey], namespaces.get(one.metadata.namespace)),
    )
    for (const { metadata, spec } of pods) {
      if (told.has(metadata.uid)) continue
      const { uid, name } = metadata
      events.record({
        regarding: { apiVersion: 'v1', kind: 'Pod', uid, name, namespace: metadata.namespace },
        type: 'Warning',
        reason: spec.hostNetwork ? 'HostNetwork' : 'SidecarMissing',
        action: 'Inject',
        note: spec.hostNetwork
          ? 'a pod on the network of its node has no sidecar: nothing checks its calls, and it is no target'
          : 'the pod has no sidecar although it should: its calls get no tokens and nothing checks those that arrive; delete it, so that it is made anew',
      })
    }
    told = new Set(pods.map(({ metadata }) => metadata.uid))
  }
}

function isWanted(pod: string | undefined, namespace: string | undefined): boolean {
  if (namespace === 'required' || pod === 'enabled') return true
  return namespace === 'enabled' && pod !== 'disabled'
}

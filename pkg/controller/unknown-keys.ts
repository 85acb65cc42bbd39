import { unknownKeys } from '../api/keys.ts'
import type { Namespace, Pod } from '../api/core.ts'
import type { Events } from '../kube/events.ts'
import type { Outcome } from './reconcile.ts'

type Labelled = Pod | Namespace

/**
 * Tells once of each pod and namespace with a label or annotation of ours that means nothing there. The
 * webhook warns of it too, but it is asked only about pods that get a sidecar.
 */
export function createUnknownKeys(events: Events, namespace: string): (outcome: Outcome) => void {
  let told: ReadonlySet<string> = new Set()
  /** Objects of a view are the same ones while they mean the same. */
  const notes = new WeakMap<Labelled, string>()
  const noteOf = (one: Labelled): string => {
    const known = notes.get(one)
    if (known !== undefined) return known
    const note = unknownKeys(one.kind === 'Pod' ? 'pod' : 'namespace', one.metadata).join('; ')
    notes.set(one, note)
    return note
  }
  return ({ snapshot: { resources } }) => {
    const next = new Set<string>()
    for (const one of resources) {
      if (one.kind !== 'Pod' && one.kind !== 'Namespace') continue
      const { uid, name, namespace: place } = one.metadata
      const note = place === namespace ? '' : noteOf(one)
      if (note === '') continue
      const key = `${uid} ${note}`
      next.add(key)
      if (told.has(key)) continue
      const where = place === '' ? {} : { namespace: place }
      events.record({
        regarding: { apiVersion: 'v1', kind: one.kind, uid, name, ...where },
        type: 'Warning',
        reason: 'UnknownKey',
        action: 'Read',
        note,
      })
    }
    told = next
  }
}

import { createHash } from 'node:crypto'
import { microTime } from './micro-time.ts'
import { apiVersionOf, type Resource } from './resource.ts'

export const eventResource: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  isNamespaced: true,
}

const maxNoteBytes = 1024
const maxInstanceLength = 128
/** Of a name that may have 253. */
const longestObjectName = 200

/** What is said about an object. */
export interface EventFacts {
  readonly regarding: {
    readonly apiVersion: string
    readonly kind: string
    readonly name: string
    /** Absent: cluster-scoped; its Events are in `default`, as Kubernetes has it. */
    readonly namespace?: string
    readonly uid?: string
  }
  readonly type: 'Normal' | 'Warning'
  /** CamelCase, of a documented list. */
  readonly reason: string
  /** What was done or not done, CamelCase: `Inject`, `Compile`. */
  readonly action: string
  /** For people; cut at 1024 bytes. */
  readonly note: string
}

/** An Event as the API server takes it. */
export function eventOf(
  facts: EventFacts,
  place: { readonly namespace: string; readonly name: string },
  by: { readonly controller: string; readonly instance: string; readonly atMs: number },
): object {
  const { type, reason, action, note, regarding } = facts
  return {
    apiVersion: apiVersionOf(eventResource),
    kind: eventResource.kind,
    metadata: place,
    eventTime: microTime(by.atMs),
    reportingController: by.controller,
    reportingInstance: by.instance.slice(0, maxInstanceLength),
    type,
    reason,
    action,
    note: cut(note),
    regarding,
  }
}

/** A name that is free: the object's, and what makes it one of a kind. */
export function eventName(object: string, seed: string): string {
  const suffix = createHash('sha256').update(`${object} ${seed}`).digest('hex').slice(0, 16)
  return `${object.slice(0, longestObjectName).replace(/[^a-z0-9]+$/, '')}.${suffix}`
}

function cut(note: string): string {
  const bytes = Buffer.from(note)
  if (bytes.length <= maxNoteBytes) return note
  // The last character may be cut in half: a decoder in stream mode leaves it out.
  const end = '…'
  const kept = bytes.subarray(0, maxNoteBytes - Buffer.byteLength(end))
  return new TextDecoder().decode(kept, { stream: true }) + end
}

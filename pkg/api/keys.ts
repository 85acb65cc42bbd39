import { nearest } from '../config/nearest.ts'

const prefix = 'tokenward.dev/'

/** The label that asks for a sidecar, of pods and namespaces. */
export const injectKey = `${prefix}inject`

/** Annotations that are read. */
export const keys = {
  interception: `${prefix}interception`,
  inbound: `${prefix}inbound`,
  excludeInboundPorts: `${prefix}exclude-inbound-ports`,
  excludeOutboundPorts: `${prefix}exclude-outbound-ports`,
  excludeOutboundCidrs: `${prefix}exclude-outbound-cidrs`,
  unmatched: `${prefix}unmatched`,
  cpuRequest: `${prefix}cpu-request`,
  cpuLimit: `${prefix}cpu-limit`,
  memoryRequest: `${prefix}memory-request`,
  memoryLimit: `${prefix}memory-limit`,
  logLevel: `${prefix}log-level`,
} as const

export type OptionKey = (typeof keys)[keyof typeof keys]

/** Annotations that the webhook writes. */
export const written = {
  version: `${prefix}injected-version`,
  configHash: `${prefix}config-hash`,
  trustHash: `${prefix}trust-hash`,
} as const

const podOnly: readonly string[] = [
  keys.inbound,
  keys.excludeInboundPorts,
  keys.excludeOutboundPorts,
  keys.excludeOutboundCidrs,
]
const shared = Object.values(keys).filter((key) => !podOnly.includes(key))

interface Place {
  readonly what: 'label' | 'annotation'
  readonly of: 'pod' | 'namespace'
  readonly known: readonly string[]
}

const places: readonly Place[] = [
  { what: 'label', of: 'pod', known: [injectKey] },
  { what: 'annotation', of: 'pod', known: [...podOnly, ...shared, ...Object.values(written)] },
  { what: 'label', of: 'namespace', known: [injectKey, `${prefix}default-mode`] },
  { what: 'annotation', of: 'namespace', known: shared },
]

/** Whoever writes an object may write tens of thousands of keys: no more of them are looked at closely. */
const maxNamed = 16

/** Whether a label or annotation claims to be ours. */
export function isOurs(key: string): boolean {
  return key.startsWith(prefix)
}

/** A sentence for each key of ours that means nothing where it stands, for 16 labels and annotations at most. */
export function unknownKeys(
  of: Place['of'],
  given: {
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  },
): string[] {
  const { labels = {}, annotations = {} } = given
  return places
    .filter((place) => place.of === of)
    .flatMap(({ what, known }) =>
      Object.keys(what === 'label' ? labels : annotations)
        .filter((key) => isOurs(key) && !known.includes(key))
        .slice(0, maxNamed)
        .map(
          (key) => `${what} ${key} of the ${of} means nothing there and is not read${hint(key)}`,
        ),
    )
}

function hint(key: string): string {
  const there = places.find(({ known }) => known.includes(key))
  if (there !== undefined) return `: it is ${article(there.what)} of the ${there.of}`
  const near = nearest(
    key,
    places.flatMap(({ known }) => known),
  )
  return near === undefined ? '' : `; did you mean ${near}?`
}

function article(what: Place['what']): string {
  return what === 'annotation' ? 'an annotation' : 'a label'
}

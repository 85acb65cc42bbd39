import { nearest } from '../../config/nearest.ts'
import type { NamespaceFacts } from './config.ts'
import { injectKey, prefix, written } from './names.ts'
import type { PodView } from './pod.ts'

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

const podOnly: readonly string[] = [
  keys.inbound,
  keys.excludeInboundPorts,
  keys.excludeOutboundPorts,
  keys.excludeOutboundCidrs,
]
const shared = Object.values(keys).filter((key) => !podOnly.includes(key))
const places = [
  { what: 'label', of: 'pod', known: [injectKey] },
  { what: 'annotation', of: 'pod', known: [...podOnly, ...shared, ...Object.values(written)] },
  { what: 'label', of: 'namespace', known: [injectKey, `${prefix}default-mode`] },
  { what: 'annotation', of: 'namespace', known: shared },
] as const

/** A sentence for each key of ours that means nothing where it stands. */
export function unknownKeys(pod: PodView, namespace: NamespaceFacts): string[] {
  const given = [pod.labels, pod.annotations, namespace.labels, namespace.annotations]
  return places.flatMap(({ what, of, known }, index) =>
    Object.keys(given[index] ?? {})
      .filter((key) => key.startsWith(prefix) && !(known as readonly string[]).includes(key))
      .map((key) => `${what} ${key} of the ${of} means nothing there and is not read${hint(key)}`),
  )
}

function hint(key: string): string {
  const there = places.find(({ known }) => (known as readonly string[]).includes(key))
  if (there !== undefined) return `: it is ${article(there.what)} of the ${there.of}`
  const near = nearest(
    key,
    places.flatMap(({ known }) => known),
  )
  return near === undefined ? '' : `; did you mean ${near}?`
}

function article(what: string): string {
  return what === 'annotation' ? 'an annotation' : 'a label'
}

import { canonicalJson } from './hash.ts'
import type { Delta, SectionName } from './wire.ts'

type MapSection = Readonly<Record<string, unknown>>

/** Sections that are maps, so that only the rows that changed need to be sent. */
export const mapSections: ReadonlySet<SectionName> = new Set<SectionName>([
  'addresses',
  'workloads',
])

/** What turns the section `from`, of hash `base`, into `to`. */
export function diffOf(base: string, from: MapSection, to: MapSection): Delta {
  const set: [string, unknown][] = []
  for (const [key, row] of Object.entries(to)) {
    const same = Object.hasOwn(from, key) && canonicalJson(from[key]) === canonicalJson(row)
    if (!same) set.push([key, row])
  }
  return {
    base,
    set: Object.fromEntries(set),
    remove: Object.keys(from).filter((key) => !Object.hasOwn(to, key)),
  }
}

/** The section that a delta makes of `from`. */
export function withDelta(from: MapSection, delta: Delta): MapSection {
  const removed = new Set(delta.remove)
  return Object.fromEntries([
    ...Object.entries(from).filter(([key]) => !removed.has(key) && !Object.hasOwn(delta.set, key)),
    ...Object.entries(delta.set),
  ])
}

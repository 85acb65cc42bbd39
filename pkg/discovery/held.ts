import { withDelta } from './delta.ts'
import { hashOf } from './hash.ts'
import { isObject, LineError } from './lines.ts'
import { sectionsOf, type ClientKind, type SectionName, type Update } from './wire.ts'

/** The sections that a client has, each with its hash. */
export type Held = Readonly<Partial<Record<SectionName, { hash: string; value: object }>>>

/**
 * What a client has once it takes an update: the sections of the update over those that it had. Throws
 * LineError where that is not a complete set, a delta is of another base, or a hash is not the content's.
 */
export function withUpdate(kind: ClientKind, held: Held, update: Update): Held {
  const rows: [SectionName, { hash: string; value: object }][] = []
  for (const name of sectionsOf[kind]) {
    const sent = update.sections[name]
    const before = held[name]
    if (sent === undefined) {
      if (before === undefined) throw new LineError(`section ${name} is missing`)
      rows.push([name, before])
      continue
    }
    let value = sent.value
    if (sent.delta !== undefined) {
      if (before?.hash !== sent.delta.base) {
        throw new LineError(`the delta of section ${name} is of another base`)
      }
      value = withDelta({ ...before.value }, sent.delta)
    }
    if (!isObject(value) || hashOf(value) !== sent.hash) {
      throw new LineError(`section ${name} is not what its hash says`)
    }
    rows.push([name, { hash: sent.hash, value }])
  }
  return Object.fromEntries(rows)
}

/** The hashes of what is held. */
export function hashesOf(held: Held): Partial<Record<SectionName, string>> {
  return Object.fromEntries(Object.entries(held).map(([name, { hash }]) => [name, hash]))
}

/** Section name -> value. */
export function valuesOf(held: Held): Partial<Record<SectionName, object>> {
  return Object.fromEntries(Object.entries(held).map(([name, { value }]) => [name, value]))
}

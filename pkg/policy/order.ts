import type { ObjectMeta } from '../api/core.ts'

/** By code unit, so that the same world gives the same bytes everywhere. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** Objects in the order of namespace, name and UID. */
export function inOrder<T extends { readonly metadata: ObjectMeta }>(objects: readonly T[]): T[] {
  return [...objects].sort(
    ({ metadata: one }, { metadata: other }) =>
      compareText(one.namespace, other.namespace) ||
      compareText(one.name, other.name) ||
      compareText(one.uid, other.uid),
  )
}

/** A record with own members only, in the order of its keys. */
export function sortedRecord<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([one], [other]) => compareText(one, other)))
}

/**
 * Reading a value whose shape is judged elsewhere: what has the wrong shape counts as not there, so that
 * checks across fields run beside the schema and all problems are told at once.
 */
export type Loose = Readonly<Record<string, unknown>>

/** The value where it is an object, else an empty one. */
export function mapOf(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Loose)
    : {}
}

/** More than any list of ours may have; of a longer one, which the schema refuses, the beginning. */
const maxEntries = 64

/** The value where it is a list, cut to 64 entries; else an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]).slice(0, maxEntries) : []
}

/** The texts of a list with their places. */
export function textsOf(value: unknown): readonly (readonly [number, string])[] {
  return listOf(value).flatMap((item, index) =>
    typeof item === 'string' ? [[index, item] as const] : [],
  )
}

/** A set of strings that forgets: of so many, those that were neither added nor asked for lately go. */
export interface BoundedSet {
  /** Whether it is there; then it counts as lately asked for. */
  has(key: string): boolean
  add(key: string): void
  readonly size: number
}

/**
 * Two halves, of which the older goes whole when the younger is full: an entry costs its key and nothing else, and
 * keeping order costs nothing. Between half of `maxEntries` and all of them are kept.
 */
export function createBoundedSet({ maxEntries }: { readonly maxEntries: number }): BoundedSet {
  const half = Math.max(1, Math.floor(maxEntries / 2))
  let younger = new Set<string>()
  let older = new Set<string>()
  const add = (key: string): void => {
    if (younger.size >= half && !younger.has(key)) {
      older = younger
      younger = new Set()
    }
    younger.add(key)
  }
  return {
    has(key) {
      if (younger.has(key)) return true
      if (!older.has(key)) return false
      older.delete(key)
      add(key)
      return true
    },
    add,
    get size() {
      return younger.size + older.size
    },
  }
}

import { createBoundedMap } from '../cache/bounded-map.ts'

export interface Rate {
  /** Whether there may be one more of this key now; if so it is counted. */
  take(key: string): boolean
}

/** For each key `burst` at once, then one each `refillMs` (a token bucket). */
export function createRate(options: {
  readonly burst: number
  readonly refillMs: number
  /** Keys that are remembered; one that is forgotten begins anew. */
  readonly maxKeys: number
  readonly nowMs: () => number
}): Rate {
  const { burst, refillMs, maxKeys, nowMs } = options
  const buckets = createBoundedMap<{ readonly left: number; readonly atMs: number }>({
    maxEntries: maxKeys,
  })
  return {
    take(key) {
      const atMs = nowMs()
      const bucket = buckets.get(key) ?? { left: burst, atMs }
      // A clock that went back takes nothing away.
      const refilled = Math.max(0, atMs - bucket.atMs) / refillMs
      const left = Math.min(burst, bucket.left + refilled)
      const isAllowed = left >= 1
      buckets.set(key, { left: isAllowed ? left - 1 : left, atMs })
      return isAllowed
    },
  }
}

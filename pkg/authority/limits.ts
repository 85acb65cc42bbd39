import { createBoundedMap } from '../cache/bounded-map.ts'

/** So many at once, so many a second. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

export interface Limiter {
  /** Takes one; false where there is none left. */
  take(key: string): boolean
  /** Whether there is one left, without taking it. */
  has(key: string): boolean
}

interface Bucket {
  tokens: number
  atMs: number
}

const maxKeys = 10_000

/** A token bucket per key, in this process. A key that is forgotten starts full: bounded memory wins. */
export function createLimiter(rate: Rate, nowMs: () => number): Limiter {
  const buckets = createBoundedMap<Bucket>({ maxEntries: maxKeys })
  const bucketOf = (key: string): Bucket => {
    const now = nowMs()
    let bucket = buckets.get(key)
    if (bucket === undefined) {
      bucket = { tokens: rate.burst, atMs: now }
      buckets.set(key, bucket)
    }
    const gained = (Math.max(0, now - bucket.atMs) / 1000) * rate.perSecond
    bucket.tokens = Math.min(rate.burst, bucket.tokens + gained)
    bucket.atMs = now
    return bucket
  }
  return {
    take(key) {
      const bucket = bucketOf(key)
      if (bucket.tokens < 1) return false
      bucket.tokens -= 1
      return true
    },
    has: (key) => bucketOf(key).tokens >= 1,
  }
}

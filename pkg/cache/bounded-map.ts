import { LRUCache } from 'lru-cache'

/** A map that forgets: the least recently used entry goes when a bound is reached. */
export interface BoundedMap<V> {
  /** The value, now the most recently used; undefined when it is not there or has aged out. */
  get(key: string): V | undefined
  /** `bytes` is what it costs, where `sizeBytes` cannot tell. Larger than the whole bound: not kept. */
  set(key: string, value: V, bytes?: number): void
  delete(key: string): void
  clear(): void
  readonly size: number
  /** What the entries cost by `sizeBytes`; 0 where there is no such bound. */
  readonly bytes: number
}

/** At least one of `maxEntries` and `maxBytes`. */
export type Bounds<V> = {
  /** How long an entry lasts after it was set. */
  readonly ttlMs?: number
  /** Any clock that never runs backwards; default `performance.now`. */
  readonly nowMs?: () => number
} & (
  | { readonly maxEntries: number; readonly maxBytes?: never; readonly sizeBytes?: never }
  | {
      readonly maxEntries?: number
      readonly maxBytes: number
      /** What one entry costs, key included; absent: each `set` says so. */
      readonly sizeBytes?: (value: V, key: string) => number
    }
)

/**
 * A map bounded by entries, bytes or both, and by age. Memory grows with what is stored: a bound on
 * bytes alone reserves nothing ahead.
 */
export function createBoundedMap<V extends object | string | number>(
  bounds: Bounds<V>,
): BoundedMap<V> {
  const { ttlMs, nowMs, maxEntries, maxBytes, sizeBytes } = bounds
  const cache = new LRUCache<string, V>({
    ...(maxEntries === undefined ? {} : { max: maxEntries }),
    ...(maxBytes === undefined ? {} : { maxSize: maxBytes }),
    ...(sizeBytes === undefined
      ? {}
      : { sizeCalculation: (value: V, key: string) => wholeBytes(sizeBytes(value, key)) }),
    ...(ttlMs === undefined ? {} : { ttl: ttlMs, ttlResolution: 0 }),
    ...(nowMs === undefined ? {} : { perf: { now: nowMs } }),
  } as LRUCache.Options<string, V, unknown>)
  return {
    get: (key) => cache.get(key),
    set(key, value, bytes) {
      if (bytes === undefined) cache.set(key, value)
      else cache.set(key, value, { size: wholeBytes(bytes) })
    },
    delete(key) {
      cache.delete(key)
    },
    clear: () => {
      cache.clear()
    },
    get size() {
      return cache.size
    },
    get bytes() {
      return cache.calculatedSize
    },
  }
}

function wholeBytes(bytes: number): number {
  return Math.max(1, Math.ceil(bytes))
}

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
  /** What the entries cost; 0 where entries are counted. */
  readonly bytes: number
}

/** One bound on what is kept, and perhaps one on how long. */
export type Bounds<V> = {
  /** How long an entry lasts after it was set. */
  readonly ttlMs?: number
  /** Any clock that never runs backwards; default `performance.now`. */
  readonly nowMs?: () => number
} & (
  | { readonly maxEntries: number; readonly maxBytes?: never; readonly sizeBytes?: never }
  | {
      readonly maxEntries?: never
      readonly maxBytes: number
      /** What one entry costs, key included; absent: each `set` says so. */
      readonly sizeBytes?: (value: V, key: string) => number
    }
)

/** A map bounded by entries or by bytes, and by age. It reserves nothing: memory grows with what is stored. */
export function createBoundedMap<V extends object | string | number>(
  bounds: Bounds<V>,
): BoundedMap<V> {
  const { ttlMs, nowMs, maxEntries, maxBytes, sizeBytes } = bounds
  // The library's bound on entries allocates all of them ahead; a bound on size with entries of 1 does not.
  const cost = sizeBytes ?? (() => 1)
  const cache = new LRUCache<string, V>({
    maxSize: maxBytes ?? maxEntries,
    sizeCalculation: (value: V, key: string) => wholeBytes(cost(value, key)),
    ...(ttlMs === undefined ? {} : { ttl: ttlMs, ttlResolution: 0 }),
    ...(nowMs === undefined ? {} : { perf: { now: nowMs } }),
  })
  return {
    get: (key) => cache.get(key),
    set(key, value, bytes) {
      if (bytes === undefined || maxBytes === undefined) cache.set(key, value)
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
      return maxBytes === undefined ? 0 : cache.calculatedSize
    },
  }
}

function wholeBytes(bytes: number): number {
  return Math.max(1, Math.ceil(bytes))
}

import { randomFillSync } from 'node:crypto'

/** Random bits, many at a time from the system and few at a time to who asks. */
export interface RandomBits {
  /** Fills a small buffer. */
  fill(target: Buffer): void
  /** A `traceparent` of its own (W3C Trace Context, version 00, sampled). */
  traceparent(): string
}

const poolBytes = 4_096
const traceBytes = 24

/** `fill` is for tests; the default is the system's generator. */
export function createRandomBits(
  fill: (buffer: Buffer) => void = (buffer) => randomFillSync(buffer),
): RandomBits {
  const pool = Buffer.alloc(poolBytes)
  let at = poolBytes
  const take = (bytes: number): number => {
    if (at + bytes > poolBytes) {
      fill(pool)
      at = 0
    }
    const from = at
    at += bytes
    return from
  }
  return {
    fill(target) {
      const from = take(target.length)
      pool.copy(target, 0, from, from + target.length)
    },
    traceparent() {
      const from = take(traceBytes)
      const hex = pool.toString('hex', from, from + traceBytes)
      return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`
    },
  }
}

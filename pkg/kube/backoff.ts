export interface Backoff {
  /** How long to wait after this failure; no longer than `mostMs` where that is less than usual. */
  nextMs(mostMs?: number): number
  /** What failed is over: the next failure is the first. */
  reset(): void
}

/**
 * Exponential, with half of each delay left to chance, so that those who failed together do not come
 * back together. It starts anew once nothing has failed for `resetMs` beyond the last delay.
 */
export function createBackoff(options: {
  readonly firstMs: number
  readonly longestMs: number
  readonly resetMs: number
  readonly random: () => number
  readonly nowMs: () => number
}): Backoff {
  const { firstMs, longestMs, resetMs, random, nowMs } = options
  let failures = 0
  let dueMs = -Infinity
  return {
    nextMs(mostMs = longestMs) {
      if (nowMs() - dueMs > resetMs) failures = 0
      const wholeMs = Math.min(longestMs, mostMs, firstMs * 2 ** Math.min(failures, 30))
      failures += 1
      const delayMs = wholeMs * (0.5 + random() / 2)
      dueMs = nowMs() + delayMs
      return delayMs
    },
    reset() {
      failures = 0
    },
  }
}

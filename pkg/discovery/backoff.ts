const firstMs = 200
const longestMs = 15_000

/**
 * How long to wait after a failure. The other addresses of a round are tried at once; then exponential,
 * with full jitter, so that clients that lost one controller at once do not come back at once.
 */
export function nextDelayMs(failures: number, addresses: number, random: () => number): number {
  if ((failures + 1) % addresses !== 0) return 0
  const round = Math.floor(failures / addresses)
  return random() * Math.min(longestMs, firstMs * 2 ** Math.min(round, 16))
}

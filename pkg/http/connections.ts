/** What one idle connection of TLS costs, measured at 50 to 65 KiB. */
const connectionBytes = 64 * 1024
const most = 10_000

/**
 * How many connections a server of TLS keeps at once, so that idle ones, which anybody in the cluster may
 * open, take less than half of the memory. `memoryBytes`: 0 where it has no limit.
 */
export function connectionsWithin(memoryBytes: number = process.constrainedMemory()): number {
  if (memoryBytes <= 0) return most
  return Math.min(most, Math.floor((memoryBytes * 0.4) / connectionBytes))
}

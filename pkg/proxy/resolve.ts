import { lookup } from 'node:dns/promises'
import { createBoundedMap } from '../cache/bounded-map.ts'
import { createSingleFlight } from '../cache/single-flight.ts'
import { Refusal } from '../refusal/refusal.ts'

export type Resolve = (host: string) => Promise<string>

const rememberMs = 5_000
const maxNames = 1_024

/**
 * The address of a name, by the system's resolver, remembered for a few seconds. Throws Refusal
 * `upstream_unreachable`.
 */
export function createResolve(
  options: {
    /** For tests; the default is the system's resolver. */
    readonly ask?: Resolve
    readonly nowMs?: () => number
  } = {},
): Resolve {
  const { ask = async (host) => (await lookup(host)).address } = options
  const flights = createSingleFlight<string>()
  const known = createBoundedMap<string>({
    maxEntries: maxNames,
    ttlMs: rememberMs,
    ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
  })
  return async (host) => {
    const before = known.get(host)
    if (before !== undefined) return before
    try {
      const address = await flights.run(host, () => ask(host))
      known.set(host, address)
      return address
    } catch (error) {
      throw new Refusal('upstream_unreachable', { hint: 'The name does not resolve.' }, error)
    }
  }
}

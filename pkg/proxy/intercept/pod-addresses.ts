import { networkInterfaces } from 'node:os'
import { plainAddress } from '../plain-address.ts'

/** Addresses by which others reach this pod: neither loopback nor of one link alone. */
export interface PodAddresses {
  includes(host: string): boolean
  all(): readonly string[]
}

/** An address may come after the start, so one that is not known is looked for again, so often at most. */
const lookEveryMs = 1_000

export function createPodAddresses(
  options: {
    /** For tests; the default asks the system. */
    readonly read?: () => readonly string[]
    readonly nowMs?: () => number
  } = {},
): PodAddresses {
  const { read = readAddresses, nowMs = () => performance.now() } = options
  let known: ReadonlySet<string> = new Set()
  let lookedAtMs = -Infinity
  const look = (): void => {
    const now = nowMs()
    if (now - lookedAtMs < lookEveryMs) return
    lookedAtMs = now
    known = new Set(read())
  }
  return {
    includes(host) {
      if (known.has(host)) return true
      look()
      return known.has(host)
    },
    all() {
      look()
      return [...known]
    },
  }
}

function readAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flat()
    .filter((entry) => entry !== undefined && !entry.internal && !isOfOneLink(entry.address))
    .flatMap((entry) => plainAddress(entry?.address ?? '') ?? [])
}

function isOfOneLink(address: string): boolean {
  return /^fe[89ab]/i.test(address)
}

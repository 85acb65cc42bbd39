import { readFileSync, statSync } from 'node:fs'
import { parseAddress, type Address } from '../http/address.ts'
import type { Log } from '../telemetry/log.ts'
import { plainAddress } from './plain-address.ts'

/** A stand-in for cluster DNS and Service addresses: `host:port` -> address. */
export interface ServiceAddresses {
  find(destination: string): Address | undefined
}

const lookEveryMs = 500

/**
 * Reads a JSON file `{ "orders.shop:80": "127.0.0.1:15011" }` and follows its changes. A broken file
 * keeps the last good state and is logged once. Without a path nothing is found.
 */
export function createServiceAddresses(options: {
  readonly path: string | undefined
  readonly log: Log
  readonly nowMs?: () => number
}): ServiceAddresses {
  const { path, log, nowMs = () => performance.now() } = options
  if (path === undefined) return { find: () => undefined }
  let known: ReadonlyMap<string, Address> = new Map()
  let lookedAtMs = -Infinity
  let version = ''

  const look = (): void => {
    const now = versionOf(path)
    if (now === version) return
    version = now
    if (now === 'ENOENT') return
    try {
      known = readAddresses(JSON.parse(readFileSync(path, 'utf8')))
    } catch (err) {
      log.error({ err, path }, 'the file of service addresses is broken; its last state stays')
    }
  }

  return {
    find(destination) {
      const now = nowMs()
      if (now - lookedAtMs > lookEveryMs) {
        lookedAtMs = now
        look()
      }
      return known.get(destination)
    },
  }
}

/** Changes whenever the file may have. */
function versionOf(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path)
    return `${ino} ${mtimeMs} ${size}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}

function readAddresses(value: unknown): ReadonlyMap<string, Address> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('it is not one map')
  }
  return new Map(
    Object.entries(value).map(([name, text]) => {
      const address = typeof text === 'string' ? parseAddress(text) : undefined
      const host = address === undefined ? undefined : plainAddress(address.host)
      if (address === undefined || host === undefined) throw new Error(`${name} has no address`)
      return [name.toLowerCase(), { host, port: address.port }]
    }),
  )
}

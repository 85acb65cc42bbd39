import { networkInterfaces } from 'node:os'
import type { Address } from '../http/address.ts'
import { plainAddress } from './plain-address.ts'

/** Addresses of this sidecar's own listeners, which it must never dial: the request would come back. */
export interface OwnListeners {
  add(address: Address): void
  includes(address: Address): boolean
}

/** No listener yet: each is added once its port is known. */
export function createOwnListeners(): OwnListeners {
  const hostsByPort = new Map<number, string[]>()
  return {
    add({ host, port }) {
      const hosts = hostsByPort.get(port) ?? []
      hosts.push(host === 'localhost' ? '127.0.0.1' : (plainAddress(host) ?? host))
      hostsByPort.set(port, hosts)
    },
    includes({ host, port }) {
      const hosts = hostsByPort.get(port)
      return hosts?.some((own) => own === host || meets(own, host)) ?? false
    },
  }
}

function meets(own: string, dialled: string): boolean {
  // The unspecified address reaches this machine.
  if (isAny(dialled)) return isLoopback(own) || isAny(own)
  return isAny(own) && (isLoopback(dialled) || isOfThisMachine(dialled))
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** Whether an address is this machine talking to itself; IPv4 in IPv6 counts as IPv4. */
export function isLoopback(address: string): boolean {
  const bare = address.startsWith('::ffff:') ? address.slice(7) : address
  return bare.startsWith('127.') || bare === '::1'
}

function isOfThisMachine(host: string): boolean {
  return Object.values(networkInterfaces())
    .flat()
    .some((entry) => entry?.address === host)
}

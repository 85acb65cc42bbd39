import { isIP } from 'node:net'

export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * `host:port`, `[v6]:port` or `:port` (all addresses). Port 0 lets the system choose.
 * Gives undefined for anything else.
 */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/\s]*)):(\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const [, bracketed, plain, digits] = match
  const port = Number(digits)
  if (port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined
  const host = bracketed ?? plain ?? ''
  return { host: host === '' ? '::' : host, port }
}

/** The text of an address, with brackets around IPv6. */
export function formatAddress(address: Address): string {
  return `${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${address.port}`
}

import { isIPv4, isIPv6, SocketAddress } from 'node:net'

const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** The short form of an address; IPv4 in IPv6 is IPv4. Undefined for what is no address. */
export function plainAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  const bare = text.split('%', 1)[0] ?? ''
  if (!isIPv6(bare)) return undefined
  const { address } = new SocketAddress({ address: bare, family: 'ipv6' })
  return mapped.exec(address)?.[1] ?? address
}

/** IPv4 in IPv6, as a listener for both families shows it. */
export function isMapped(address: string): boolean {
  return mapped.test(address)
}

import { BlockList, isIP } from 'node:net'

/** What an address is, for a fetch that a tenant can cause. */
export type Reach = 'public' | 'private' | 'never'

type Subnet = readonly [address: string, prefix: number]

/** Never dialled, whatever the settings say: link-local, metadata services, what is no single host. */
const never = list(
  [
    ['0.0.0.0', 8],
    ['100.100.100.200', 32],
    ['168.63.129.16', 32],
    ['169.254.0.0', 16],
    ['192.0.0.192', 32],
    ['224.0.0.0', 3],
  ],
  [
    ['::', 128],
    ['fd00:ec2::254', 128],
    ['fd20:ce::254', 128],
    ['fe80::', 10],
    ['fec0::', 10],
    ['ff00::', 8],
  ],
)

/** RFC 6890 and its successors: what is not meant to be reached through the internet. */
const reserved = list(
  [
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
  ],
  [
    ['2001::', 23],
    ['2001:db8::', 32],
    ['3fff::', 20],
  ],
)

const globalUnicast = list([], [['2000::', 3]])

/** Prefixes behind which an IPv4 address is meant: mapped, NAT64 (RFC 6052), 6to4, compatible. */
const carriers: readonly { readonly within: BlockList; readonly group: number }[] = [
  { within: list([], [['::ffff:0:0', 96]]), group: 6 },
  { within: list([], [['64:ff9b::', 96]]), group: 6 },
  { within: list([], [['2002::', 16]]), group: 1 },
  { within: list([], [['::', 96]]), group: 6 },
]

/** Judges one IP address as text. What is not an address, or has a zone, is never dialled. */
export function reachOf(address: string): Reach {
  const family = isIP(address)
  if (family === 0 || address.includes('%')) return 'never'
  if (family === 4) {
    if (never.check(address, 'ipv4')) return 'never'
    return reserved.check(address, 'ipv4') ? 'private' : 'public'
  }
  if (never.check(address, 'ipv6')) return 'never'
  if (address === '::1' || groupsOf(address).join() === '0,0,0,0,0,0,0,1') return 'private'
  for (const { within, group } of carriers) {
    if (within.check(address, 'ipv6')) return reachOf(embedded(address, group))
  }
  if (!globalUnicast.check(address, 'ipv6')) return 'private'
  return reserved.check(address, 'ipv6') ? 'private' : 'public'
}

/** The IPv4 address that two of the eight groups spell. */
function embedded(address: string, group: number): string {
  const groups = groupsOf(address)
  const [high = 0, low = 0] = groups.slice(group, group + 2)
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  // The URL parser writes the one canonical form: hexadecimal, lower case, one `::` at most.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16))
}

function list(v4: readonly Subnet[], v6: readonly Subnet[]): BlockList {
  const addresses = new BlockList()
  for (const [address, prefix] of v4) addresses.addSubnet(address, prefix, 'ipv4')
  for (const [address, prefix] of v6) addresses.addSubnet(address, prefix, 'ipv6')
  return addresses
}

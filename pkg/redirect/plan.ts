/** How TCP of this pod is to be redirected. */
export interface RedirectOptions {
  readonly inboundPort: number
  readonly outboundPort: number
  /** User id of the sidecar, whose own connections go their way. */
  readonly sidecarUser: number
  readonly excludeInboundPorts: readonly number[]
  readonly excludeOutboundPorts: readonly number[]
  /** Of both families. */
  readonly excludeOutboundCidrs: readonly string[]
}

export type Family = 'IPv4' | 'IPv6'

/** Rules of the table `nat`, each in the words of `iptables-save`. */
export interface Plan {
  /** Chains of our own -> their rules, in order. */
  readonly chains: Readonly<Record<string, readonly string[]>>
  /** Chains of the system -> the one rule that leads from there into ours; it comes first. */
  readonly jumps: Readonly<Record<string, string>>
}

/** Ports that are the sidecar's, or may become so: no app is reached at them. */
export const ownPorts = { first: 15400, last: 15499 }

/** Those of them that others reach, metrics and probes. Any other would be open to whoever listens there. */
const reachedPorts = [15491, 15494]

/**
 * Connections to these are redirected whoever makes them: by dialling one the sidecar sees that the rules
 * are there. Addresses for documentation (RFC 5737, RFC 3849), so that nothing real is taken.
 */
export const marker = { IPv4: '192.0.2.145', IPv6: '2001:db8:15::145', port: 15145 } as const

const inChain = 'TOKENWARD_IN'
const outChain = 'TOKENWARD_OUT'
const own = `${ownPorts.first}:${ownPorts.last}`
const loopback = { IPv4: '127.0.0.0/8', IPv6: '::1/128' }
const markerNetwork = { IPv4: `${marker.IPv4}/32`, IPv6: `${marker.IPv6}/128` }

/**
 * What the table must say for one family. In: all TCP that comes from outside. Out: all TCP that leaves or
 * goes to an address of the pod itself, loopback aside. A connection of the sidecar is plain, unless its
 * source is a loopback address and its destination an address of the pod: so it calls its own app as a
 * stranger would, and is judged.
 */
export function planRules(family: Family, options: RedirectOptions): Plan {
  const { inboundPort, outboundPort, sidecarUser } = options
  const sidecar = `-m owner --uid-owner ${sidecarUser}`
  const cidrs = options.excludeOutboundCidrs.filter((cidr) => familyOf(cidr) === family)
  return {
    chains: {
      [inChain]: [
        ...reachedPorts.map((port) => `-p tcp -m tcp --dport ${port} -j RETURN`),
        ...options.excludeInboundPorts.map((port) => `-p tcp -m tcp --dport ${port} -j RETURN`),
        `-p tcp -j REDIRECT --to-ports ${inboundPort}`,
      ],
      [outChain]: [
        `-d ${markerNetwork[family]} -p tcp -m tcp --dport ${marker.port} -j REDIRECT --to-ports ${outboundPort}`,
        `-d ${loopback[family]} -j RETURN`,
        // Which link is meant is lost on the way to the sidecar.
        ...(family === 'IPv6' ? ['-d fe80::/10 -j RETURN'] : []),
        `-s ${loopback[family]} -o lo -p tcp ${sidecar} -j ${inChain}`,
        `${sidecar} -j RETURN`,
        `-o lo -p tcp -m tcp --dport ${own} -j RETURN`,
        // An exclusion is about other machines: what the app says to its own pod is always seen.
        ...options.excludeOutboundPorts.map(
          (port) => `! -o lo -p tcp -m tcp --dport ${port} -j RETURN`,
        ),
        ...cidrs.map((cidr) => `-d ${cidr} ! -o lo -j RETURN`),
        `-p tcp -j REDIRECT --to-ports ${outboundPort}`,
      ],
    },
    jumps: { PREROUTING: `! -i lo -p tcp -j ${inChain}`, OUTPUT: `-p tcp -j ${outChain}` },
  }
}

function familyOf(cidr: string): Family {
  return cidr.includes(':') ? 'IPv6' : 'IPv4'
}

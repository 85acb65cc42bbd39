/**
 * What the rules of `redirect` and the sidecar agree about (pkg/redirect/plan.ts says the same; the rooms do
 * not import each other, and a test compares them).
 */
export const marker = { IPv4: '192.0.2.145', IPv6: '2001:db8:15::145', port: 15145 } as const

/** Ports of the sidecar: never redirected on their way in, and never a destination. */
const ownPorts = { first: 15400, last: 15499 }

export function isOwnPort(port: number): boolean {
  return port >= ownPorts.first && port <= ownPorts.last
}

export const isMarkerHost = (host: string): boolean => host === marker.IPv4 || host === marker.IPv6

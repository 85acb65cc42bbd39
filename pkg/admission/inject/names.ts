/** Names, ports and paths of an injected pod: what sidecar, redirect and chart count on. */
export const sidecarName = 'tokenward-sidecar'
export const redirectName = 'tokenward-redirect'
export const containerNames: readonly string[] = [sidecarName, redirectName]

export const tokensVolume = 'tokenward-tokens'
export const stateVolume = 'tokenward-state'
/** Where iptables keeps its lock: the root file system of `redirect` is read-only. */
export const runVolume = 'tokenward-run'
export const volumeNames: readonly string[] = [tokensVolume, stateVolume, runVolume]

/** User and group of the sidecar, whose traffic is not redirected. */
export const sidecarUser = 15_400

export const ports = {
  inbound: 15_401,
  outbound: 15_402,
  admin: 15_490,
  metrics: 15_491,
  probes: 15_494,
} as const

/** Ports that are the sidecar's, or may become so. */
export function isReserved(port: number): boolean {
  return port >= 15_400 && port <= 15_499
}
export const reservedPorts = '15400 to 15499'

export const tokensFolder = '/var/run/tokenward/tokens'
export const stateFolder = '/var/lib/tokenward'
/** Where the API server's own plugin mounts a token into every container that has nothing there. */
export const apiTokenFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

export const discoveryAudience = 'tokenward:discovery'
export const authorityAudience = 'tokenward:authority'

export const defaultContainerKey = 'kubectl.kubernetes.io/default-container'

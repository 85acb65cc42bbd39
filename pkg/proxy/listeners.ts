import type { Address } from '../http/address.ts'
import type { OriginalDestination } from './intercept/original-destination.ts'
import type { PodAddresses } from './intercept/pod-addresses.ts'

/** What a sidecar is to open. */
export interface Listeners {
  /** Where to listen, which is the target port that the policy names; and where the app listens. */
  readonly inbound: readonly { readonly listen: Address; readonly app: Address }[]
  /** HTTP proxy for the app's own calls. */
  readonly outbound?: Address | undefined
  /** Listeners whose requests all take one route, `namespace/service:port`. */
  readonly routes: readonly { readonly listen: Address; readonly route: string }[]
  /** The first must be had; others only where this machine has their family. */
  readonly admin: readonly Address[]
  /** For the kubelet and for whoever scrapes, at the pod's address. */
  readonly probes?: Address | undefined
  readonly metrics?: Address | undefined
  /** Where redirected connections arrive. */
  readonly redirected?: Redirected | undefined
}

export interface Redirected {
  readonly inbound: Address
  /** As of `admin`. */
  readonly outbound: readonly Address[]
  readonly originalDestination: OriginalDestination
  readonly pod: PodAddresses
}

/** What really listens, in the order of the settings. */
export interface Ports {
  readonly inbound: readonly Address[]
  readonly outbound: Address | undefined
  readonly routes: readonly Address[]
  readonly admin: Address
  readonly redirected?: { readonly inbound: Address; readonly outbound: readonly Address[] }
  readonly probes?: Address
  readonly metrics?: Address
}

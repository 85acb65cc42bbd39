import { reset } from '../../http/reset.ts'
import type { Front } from '../forward/verdict.ts'
import { isLoopback } from '../own-listeners.ts'
import { plainAddress } from '../plain-address.ts'
import { greet, type FrontCounts } from './inbound-front.ts'
import { isMarkerHost, isOwnPort, marker } from './marker.ts'
import type { OriginalDestination } from './original-destination.ts'
import type { PodAddresses } from './pod-addresses.ts'
import type { Sniffing } from './sniffing.ts'

/**
 * What leaves: HTTP is served with its original destination, all else goes there untouched. A connection
 * that was not redirected here, or that nobody of this pod made, is closed.
 */
export function createOutboundFront(options: {
  readonly originalDestination: OriginalDestination
  readonly pod: Pick<PodAddresses, 'includes'>
  readonly sniffing: Sniffing
  readonly counts: FrontCounts
  /** What the sidecar's own checks are answered with. */
  readonly greeting: string
}): Front {
  const { originalDestination, pod, sniffing, counts, greeting } = options
  return {
    accept(socket, serve) {
      const to = originalDestination(socket)
      const peer = socket.remoteAddress ?? ''
      const isLocal = isLoopback(peer) || pod.includes(plainAddress(peer) ?? '')
      const isOwn = to !== undefined && (isLoopback(to.host) || pod.includes(to.host))
      if (to === undefined || !isLocal || (isOwn && isOwnPort(to.port))) {
        counts.strayed += 1
        reset(socket)
      } else if (to.port === marker.port && (isOwn || isMarkerHost(to.host))) {
        greet(socket, greeting)
      } else sniffing.take(socket, to, serve)
    },
    endIdle: () => sniffing.endIdle(),
    abort: () => sniffing.abort(),
  }
}

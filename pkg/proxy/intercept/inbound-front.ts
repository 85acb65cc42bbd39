import type { Socket } from 'node:net'
import { reset } from '../../http/reset.ts'
import type { Front } from '../forward/verdict.ts'
import { isLoopback } from '../own-listeners.ts'
import { isOwnPort, marker } from './marker.ts'
import type { OriginalDestination } from './original-destination.ts'
import type { PodAddresses } from './pod-addresses.ts'

export interface FrontCounts {
  /** Connections that were not redirected to us, or not meant for this pod. */
  strayed: number
  /** TLS of the app towards a destination that the policy names. */
  appTls: number
  /** Connections that went on untouched. */
  spliced: number
}

/**
 * What arrives from outside is served where it was going to this pod, at a port that is not the sidecar's;
 * all else is closed.
 */
export function createInboundFront(options: {
  readonly originalDestination: OriginalDestination
  readonly pod: Pick<PodAddresses, 'includes'>
  readonly counts: FrontCounts
  /** What the sidecar's own checks are answered with. */
  readonly greeting: string
}): Front {
  const { originalDestination, pod, counts, greeting } = options
  return {
    accept(socket, serve) {
      const to = originalDestination(socket)
      if (to === undefined || isOwnPort(to.port) || !pod.includes(to.host)) {
        counts.strayed += 1
        reset(socket)
      } else if (to.port === marker.port && isLoopback(socket.remoteAddress ?? '')) {
        greet(socket, greeting)
      } else serve(to)
    },
    endIdle: () => undefined,
    abort: () => undefined,
  }
}

export function greet(socket: Socket, greeting: string): void {
  socket.end(greeting)
  socket.resume()
  socket.on('finish', () => socket.destroySoon())
}

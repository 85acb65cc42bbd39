import { randomBytes } from 'node:crypto'
import type { Log } from '../../telemetry/log.ts'
import type { Front } from '../forward/verdict.ts'
import { createInboundFront, type FrontCounts } from './inbound-front.ts'
import type { OriginalDestination } from './original-destination.ts'
import { createOutboundFront } from './outbound-front.ts'
import type { PodAddresses } from './pod-addresses.ts'
import { startSelfCheck, type SelfCheck } from './self-check.ts'
import type { Sniffing } from './sniffing.ts'

/** What stands before the proxies of a pod whose connections are redirected. */
export interface Interception {
  readonly inbound: Front
  readonly outbound: Front
  /** Begins to check that connections are redirected; the listeners are open by then. */
  startCheck(): SelfCheck
}

export function createInterception(options: {
  readonly originalDestination: OriginalDestination
  readonly pod: PodAddresses
  readonly sniffing: Sniffing
  readonly counts: FrontCounts
  readonly log: Log
}): Interception {
  const { originalDestination, pod, sniffing, counts, log } = options
  // Nobody else's: only this process can say it, so that arriving here is arriving at this sidecar.
  const name = randomBytes(16).toString('hex')
  const greetings = { inbound: `${name} inbound`, outbound: `${name} outbound` }
  return {
    inbound: createInboundFront({ originalDestination, pod, counts, greeting: greetings.inbound }),
    outbound: createOutboundFront({
      originalDestination,
      pod,
      sniffing,
      counts,
      greeting: greetings.outbound,
    }),
    startCheck: () => startSelfCheck({ pod, greetings, log }),
  }
}

import { randomBytes } from 'node:crypto'
import type { Address } from '../../http/address.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Dial, Front } from '../forward/verdict.ts'
import type { Policy } from '../policy-state.ts'
import { createInboundFront, type FrontCounts } from './inbound-front.ts'
import type { OriginalDestination } from './original-destination.ts'
import { createOutboundFront } from './outbound-front.ts'
import type { PodAddresses } from './pod-addresses.ts'
import { startSelfCheck, type SelfCheck } from './self-check.ts'

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
  readonly policy: () => Policy | undefined
  readonly dialOf: (destination: Address) => Dial
  readonly counts: FrontCounts
  readonly log: Log
  readonly headMs: number
}): Interception {
  const { originalDestination, pod, policy, dialOf, counts, log, headMs } = options
  // Nobody else's: only this process can say it, so that arriving here is arriving at this sidecar.
  const name = randomBytes(16).toString('hex')
  const greetings = { inbound: `${name} inbound`, outbound: `${name} outbound` }
  return {
    inbound: createInboundFront({ originalDestination, pod, counts, greeting: greetings.inbound }),
    outbound: createOutboundFront({
      originalDestination,
      pod,
      isMatched: ({ host, port }) => (policy()?.routes.find(host, port).length ?? 0) > 0,
      dialOf,
      counts,
      greeting: greetings.outbound,
      log,
      headMs,
    }),
    startCheck: () => startSelfCheck({ pod, greetings, log }),
  }
}

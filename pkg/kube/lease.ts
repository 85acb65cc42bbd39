import type { Log } from '../telemetry/log.ts'
import type { KubeClient } from './client.ts'
import { KubeError } from './kube-error.ts'
import {
  heldBy,
  leaderOf,
  leases,
  released,
  type Leader,
  type LeaseObject,
} from './lease-object.ts'
import { pathOf } from './resource.ts'

export interface LeaseTiming {
  /** A lease that did not change for this long is free. */
  readonly durationMs: number
  /** A leader that could not renew for this long is none any more. */
  readonly renewDeadlineMs: number
  readonly retryMs: number
}

const defaultTiming: LeaseTiming = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 }

export interface Lease {
  start(): void
  /** Judged by the clock at each call: false as soon as the deadline has passed, whatever hangs. */
  leading(): boolean
  /** Who holds the lease, as last seen. */
  leader(): Leader | undefined
  /** Why it can neither be had nor seen, for an operator. */
  problem(): string | undefined
  /** Gives the lease up, so that another takes it at once. */
  close(): Promise<void>
}

/**
 * Leader election by a Lease. Who leads is decided by what each contender sees change on its own clock,
 * never by the times that others wrote. It is no fence: for a moment two may believe that they lead, so
 * every write of a leader carries the version that it was made from.
 */
export function createLease(options: {
  readonly client: KubeClient
  readonly namespace: string
  readonly name: string
  /** Of this replica and of this run of it: no two processes have the same. */
  readonly identity: string
  /** Where peers reach this replica. */
  readonly address?: string
  readonly onLeading: () => void
  readonly onLost: () => void
  readonly log: Log
  readonly random?: () => number
  readonly monotonicMs?: () => number
  readonly wallMs?: () => number
  readonly timing?: Partial<LeaseTiming>
}): Lease {
  const { client, namespace, name, identity, address, random = Math.random } = options
  const { monotonicMs = () => performance.now(), wallMs = () => Date.now() } = options
  const log = options.log.child({ lease: name })
  const timing = { ...defaultTiming, ...options.timing }
  const path = pathOf(leases, { namespace, name })
  const self: Leader = { identity, ...(address === undefined ? {} : { address }) }
  /** The lease as it was seen last, and since when it has not changed. */
  let seen: LeaseObject | undefined
  let seenAtMs = -Infinity
  let isLeading = false
  /** When the renewal was sent that succeeded last. */
  let renewedAtMs = -Infinity
  let problem: string | undefined
  let closed = false
  let started = false
  let lostTimer: NodeJS.Timeout | undefined
  let wake: (() => void) | undefined
  let ended: Promise<void> = Promise.resolve()

  const leading = (): boolean => isLeading && monotonicMs() - renewedAtMs < timing.renewDeadlineMs
  const call = (what: 'onLeading' | 'onLost'): void => {
    try {
      options[what]()
    } catch (err) {
      log.error({ err, what }, 'what follows a change of leader failed')
    }
  }
  const lead = (sentAtMs: number): void => {
    renewedAtMs = sentAtMs
    clearTimeout(lostTimer)
    const leftMs = sentAtMs + timing.renewDeadlineMs - monotonicMs()
    lostTimer = setTimeout(() => lose('it could not be renewed in time'), Math.max(0, leftMs))
    if (isLeading) return
    isLeading = true
    log.info({ identity }, 'leading')
    call('onLeading')
  }
  const lose = (why: string): void => {
    clearTimeout(lostTimer)
    if (!isLeading) return
    isLeading = false
    log.warn({ identity, why }, 'no longer leading')
    call('onLost')
  }
  const see = (lease: LeaseObject | undefined): void => {
    if (lease === undefined || lease.metadata.resourceVersion !== seen?.metadata.resourceVersion) {
      seenAtMs = monotonicMs()
    }
    seen = lease
  }
  const ask = (method: 'GET' | 'POST' | 'PUT', at: string, body?: object): Promise<LeaseObject> =>
    client.request<LeaseObject>({
      method,
      path: at,
      ...(body === undefined ? {} : { body }),
      timeoutMs: timing.renewDeadlineMs / 2,
    })

  const ours = (before: LeaseObject | undefined): object =>
    heldBy(self, before ?? { metadata: { name, namespace } }, {
      nowMs: wallMs(),
      durationMs: timing.durationMs,
    })
  const write = async (before: LeaseObject | undefined): Promise<void> => {
    const sentAtMs = monotonicMs()
    const lease =
      before === undefined
        ? await ask('POST', pathOf(leases, { namespace }), ours(undefined))
        : await ask('PUT', path, ours(before))
    see(lease)
    // An answer that took longer than the deadline is no lease any more.
    if (!closed && monotonicMs() - sentAtMs < timing.renewDeadlineMs) lead(sentAtMs)
  }
  const look = async (): Promise<LeaseObject | undefined> => {
    try {
      return await ask('GET', path)
    } catch (error) {
      if (error instanceof KubeError && error.status === 404 && error.reason === 'NotFound')
        return undefined
      throw error
    }
  }
  const isFree = (): boolean => {
    const holder = seen?.spec?.holderIdentity ?? ''
    return holder === '' || holder === identity || monotonicMs() - seenAtMs > timing.durationMs
  }
  const attempt = async (): Promise<void> => {
    // Who leads knows the version of the lease, and needs to ask nobody.
    if (leading() && seen !== undefined) {
      try {
        return await write(seen)
      } catch (error) {
        if (!(error instanceof KubeError) || (error.status !== 409 && error.status !== 404))
          throw error
      }
    }
    see(await look())
    if (isLeading && seen?.spec?.holderIdentity !== identity) lose('it is not ours any more')
    if (!isFree()) return
    try {
      await write(seen)
    } catch (error) {
      // Another contender was faster.
      if (!(error instanceof KubeError) || error.status !== 409) throw error
    }
  }
  const contend = async (): Promise<void> => {
    while (!closed) {
      try {
        await attempt()
        problem = undefined
      } catch (error) {
        const message = error instanceof Error ? error.message : 'a failure without words'
        if (problem !== message && !closed) log.warn({ problem: message }, 'no lease')
        problem = message
      }
      if (isLeading && !leading()) lose('it could not be renewed in time')
      if (closed) return
      await new Promise<void>((resolve) => {
        // Contenders that started together do not ask together.
        const spread = isLeading ? 1 : 1 + random() / 5
        const timer = setTimeout(resolve, timing.retryMs * spread)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const release = async (): Promise<void> => {
    if (seen?.spec?.holderIdentity === identity) await ask('PUT', path, released(seen, wallMs()))
  }

  return {
    start() {
      if (started) return
      started = true
      ended = contend()
    },
    leading,
    leader: () => leaderOf(seen),
    problem: () => problem,
    async close() {
      if (closed) return
      closed = true
      wake?.()
      // Whatever writes as the leader ends before another may begin.
      lose('this process ends')
      await ended
      try {
        await release()
      } catch (err) {
        log.warn({ err }, 'the lease is not given up; another waits until it ends')
      }
    },
  }
}

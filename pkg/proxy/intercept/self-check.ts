import { connect, isIPv6 } from 'node:net'
import type { Log } from '../../telemetry/log.ts'
import type { Dial } from '../forward/verdict.ts'
import { marker } from './marker.ts'
import type { PodAddresses } from './pod-addresses.ts'

export interface SelfCheck {
  /** Ends once all is well for the first time, or a pod that starts would have had its rules. */
  readonly begun: Promise<void>
  /** What is wrong, in words; undefined while all is well. */
  problem(): string | undefined
  close(): void
}

/** What an address says first to who dials it; undefined where it says nothing or cannot be reached in time. */
export type Listen = (to: Dial, patienceMs: number) => Promise<string | undefined>

export interface Greetings {
  readonly inbound: string
  readonly outbound: string
}

const everyMs = 60_000
/** While something is wrong. */
const againMs = 500
const patienceMs = 2_000
/** `redirect` runs beside a sidecar that starts: so soon its rules need not be there, and may any moment. */
const startMs = 3_000
const startAgainMs = 25
const startPatienceMs = 200

/**
 * Dials, now and then every minute, what must be redirected to this very process and what must not:
 * the marker addresses, this pod's own addresses as its app would, and as the sidecar itself does.
 */
export function startSelfCheck(options: {
  readonly pod: Pick<PodAddresses, 'all'>
  readonly greetings: Greetings
  readonly log: Log
  /** For tests; the default dials. */
  readonly listen?: Listen
}): SelfCheck {
  const { pod, greetings, log, listen = listenTo } = options
  let problem: string | undefined = 'the redirection of connections has not been checked yet'
  let timer: NodeJS.Timeout | undefined
  let closed = false
  const since = performance.now()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  let isStarting = true

  let told: string | undefined = problem

  const check = async (): Promise<void> => {
    try {
      problem = await findProblem(pod.all(), greetings, (to) =>
        listen(to, isStarting ? startPatienceMs : patienceMs),
      )
    } catch (err) {
      log.error({ err }, 'the check of the redirection failed')
      problem = 'the redirection of connections could not be checked'
    }
    if (closed) return
    isStarting &&= problem !== undefined && performance.now() - since < startMs
    if (isStarting) {
      timer = setTimeout(() => void check(), startAgainMs).unref()
      return
    }
    begin()
    if (problem !== told) {
      if (problem === undefined) log.info({}, 'connections of this pod are redirected')
      else log.error({ problem }, 'the pod is not ready: its connections go past the sidecar')
    }
    told = problem
    timer = setTimeout(() => void check(), problem === undefined ? everyMs : againMs).unref()
  }
  void check()

  return {
    begun,
    problem: () => problem,
    close() {
      closed = true
      clearTimeout(timer)
      begin()
    },
  }
}

/** The first thing that is not as `redirect` makes it. */
export async function findProblem(
  addresses: readonly string[],
  greetings: Greetings,
  listen: (to: Dial) => Promise<string | undefined>,
): Promise<string | undefined> {
  if (addresses.length === 0) return 'this pod has no address yet'
  const { port } = marker
  for (const host of addresses) {
    const family = isIPv6(host) ? 'IPv6' : 'IPv4'
    const from = family === 'IPv6' ? '::1' : '127.0.0.1'
    const remedy = `look at the init container tokenward-redirect (${family})`
    if ((await listen({ host: marker[family], port })) !== greetings.outbound) {
      return `connections of this pod are not redirected: one to the marker address ${marker[family]} did not arrive at the sidecar; ${remedy}`
    }
    const own = await listen({ host, port })
    if (own === greetings.inbound || own === greetings.outbound) {
      return `connections of the sidecar itself are redirected (${family}): it must run as the user that tokenward-redirect was told`
    }
    if ((await listen({ host, port, from })) !== greetings.inbound) {
      return `what comes to ${host} is not redirected: a connection there did not arrive at the sidecar; ${remedy}`
    }
  }
  return undefined
}

/** Dials and takes down what is said until the end. */
function listenTo({ host, port, from }: Dial, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(from === undefined ? {} : { localAddress: from }) })
    let heard = ''
    socket.setTimeout(timeoutMs, () => socket.destroy())
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1')
      if (heard.length > 256) socket.destroy()
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => resolve(heard === '' ? undefined : heard))
  })
}

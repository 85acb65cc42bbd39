import { connect } from 'node:net'
import { formatAddress, type Address } from '../../http/address.ts'
import type { Log } from '../../telemetry/log.ts'
import type { PodAddresses } from './pod-addresses.ts'

export interface BypassCheck {
  /** Addresses at which the app answers past its sidecar. */
  open(): readonly string[]
  close(): void
}

/** The app starts after its sidecar, so that the first looks come soon after each other. */
const firstMs = 1_000
const everyMs = 60_000
const patienceMs = 2_000

/**
 * Where nothing is redirected, an app that listens on the pod's address can be called past its sidecar:
 * dials those addresses at the start, ever less often, and then every minute.
 */
export function startBypassCheck(options: {
  readonly pod: Pick<PodAddresses, 'all'>
  readonly ports: readonly number[]
  readonly log: Log
  /** Other ports than before answer past the sidecar, in the order of `ports`. */
  readonly onChange: (ports: readonly number[]) => void
}): BypassCheck {
  const { pod, ports, log, onChange } = options
  let open: readonly string[] = []
  let timer: NodeJS.Timeout | undefined
  let closed = false
  let nextMs = firstMs
  const look = async (): Promise<void> => {
    const addresses = pod.all().flatMap((host) => ports.map((port) => ({ host, port })))
    const answers = await Promise.all(addresses.map(answersAt))
    const found = addresses.filter((_, at) => answers[at]).map(formatAddress)
    if (closed) return
    if (found.join() !== open.join()) {
      onChange(
        ports.filter((port) => addresses.some((one, at) => answers[at] && one.port === port)),
      )
      if (found.length === 0) log.info({}, 'the app can no longer be called past its sidecar')
      else {
        log.warn(
          { reason: 'BypassPossible', addresses: found },
          'the app answers past its sidecar: let it listen on 127.0.0.1 only',
        )
      }
    }
    open = found
  }
  const check = async (): Promise<void> => {
    try {
      await look()
    } catch (err) {
      log.error({ err }, 'it could not be checked whether the app answers past its sidecar')
    }
    if (closed) return
    timer = setTimeout(() => void check(), nextMs).unref()
    nextMs = Math.min(nextMs * 2, everyMs)
  }
  if (ports.length > 0) void check()
  return {
    open: () => open,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

function answersAt({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (isOpen: boolean) => (): void => {
      socket.destroy()
      resolve(isOpen)
    }
    socket.setTimeout(patienceMs, end(false))
    socket.on('connect', end(true))
    socket.on('error', end(false))
  })
}

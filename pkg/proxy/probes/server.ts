import http, { type Server } from 'node:http'
import { createSingleFlight } from '../../cache/single-flight.ts'
import type { Address } from '../../http/address.ts'
import { plainAddress } from '../plain-address.ts'
import { performProbe } from './perform.ts'
import type { Probes } from './probe.ts'

export interface ProbeServerOptions {
  readonly isStarted: () => boolean
  readonly isReady: () => boolean
  readonly probes: Probes
  /** Where a port of the app is dialled, for a probe that came to this address of the pod. */
  readonly addressOf: (podAddress: string, port: number) => Address
}

/** Whoever opens a connection must say something soon: the port is open to the whole cluster. */
const requestMs = 5_000
const connections = 512

/**
 * The port that the kubelet asks: `/startupz`, `/readyz` and the probes of the app, each answered with its
 * status alone. Anything else is 404.
 */
export function createProbeServer(options: ProbeServerOptions): Server {
  const { isStarted, isReady, probes, addressOf } = options
  const flights = createSingleFlight<boolean>()

  const ask = async (path: string, podAddress: string): Promise<boolean | undefined> => {
    if (path === '/startupz') return isStarted()
    if (path === '/readyz') return isReady()
    const probe = probes.get(path)
    if (probe === undefined) return undefined
    // Who asks ten times at once makes the app work once.
    return flights.run(`${podAddress} ${path}`, () =>
      performProbe(probe, (port) => addressOf(podAddress, port)),
    )
  }

  const server = http.createServer(
    { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: 1_000 },
    (request, response) => {
      response.shouldKeepAlive = false
      const answer = (status: number): void => {
        response.writeHead(status, { 'content-length': 0, 'cache-control': 'no-store' })
        response.end()
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        answer(405)
        return
      }
      const podAddress = plainAddress(request.socket.localAddress ?? '') ?? ''
      ask(request.url ?? '', podAddress).then(
        (isWell) => answer(isWell === undefined ? 404 : isWell ? 200 : 503),
        () => answer(503),
      )
    },
  )
  server.maxConnections = connections
  return server
}

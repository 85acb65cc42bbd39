import { connect, type Socket } from 'node:net'
import { formatAddress, type Address } from '../../http/address.ts'
import { reset } from '../../http/reset.ts'
import type { Log } from '../../telemetry/log.ts'
import { sniff, type Protocol } from '../forward/sniff.ts'
import { splice } from '../forward/splice.ts'
import type { Dial, Front } from '../forward/verdict.ts'
import { isLoopback } from '../own-listeners.ts'
import { greet, type FrontCounts } from './inbound-front.ts'
import { isMarkerHost, isOwnPort, marker } from './marker.ts'
import type { OriginalDestination } from './original-destination.ts'
import type { PodAddresses } from './pod-addresses.ts'

/**
 * How long the app may be silent before a destination that no policy names is dialled, in case its server
 * speaks first. Clients of HTTP speak at once, and then the engine makes the connection.
 */
const serverFirstMs = 10

export interface OutboundFrontOptions {
  readonly originalDestination: OriginalDestination
  readonly pod: Pick<PodAddresses, 'includes'>
  /** Whether a route of the policy has this destination. */
  readonly isMatched: (destination: Address) => boolean
  /** How to dial it. */
  readonly dialOf: (destination: Address) => Dial
  readonly counts: FrontCounts
  readonly greeting: string
  readonly log: Log
  /** How long a matched destination may wait for the first bytes. */
  readonly headMs: number
}

/** A connection of the app that has not told yet what it is. */
interface Waiting {
  readonly socket: Socket
  readonly to: Address
  readonly isMatched: boolean
  readonly serve: (destination: Address) => void
  bytes: Buffer
  upstream: Socket | undefined
  timer: NodeJS.Timeout | undefined
  /** Takes our listeners off. */
  readonly off: (() => void)[]
}

/**
 * What leaves: HTTP is served, with its original destination; TLS and everything else goes on untouched,
 * servers that speak first included. A connection that was not redirected here is closed.
 */
export function createOutboundFront(options: OutboundFrontOptions): Front {
  const { originalDestination, pod, counts, greeting, log, headMs } = options
  const waiting = new Set<Waiting>()
  const spliced = new Set<Socket>()
  let warned = false

  const dial = (to: Address): Socket => {
    const { host, port, from } = options.dialOf(to)
    return connect({
      host,
      port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      ...(from === undefined ? {} : { localAddress: from }),
    })
  }

  /** Takes it out of the waiting ones, with no listener of ours left on it. */
  const release = (one: Waiting): void => {
    waiting.delete(one)
    clearTimeout(one.timer)
    for (const off of one.off) off()
  }
  const cut = (one: Waiting): void => {
    release(one)
    giveUp(one.upstream)
    reset(one.socket)
  }

  const spliceOn = (one: Waiting): void => {
    release(one)
    const { socket, to, bytes } = one
    socket.pause()
    const upstream = one.upstream ?? dial(to)
    counts.spliced += 1
    spliced.add(socket).add(upstream)
    socket.on('close', () => spliced.delete(socket))
    upstream.on('close', () => spliced.delete(upstream))
    if (bytes.length > 0) upstream.write(bytes)
    splice(socket, upstream)
  }

  const serveOn = (one: Waiting): void => {
    release(one)
    const { socket, to, bytes, upstream } = one
    giveUp(upstream)
    socket.pause()
    socket.unshift(bytes)
    one.serve(to)
    socket.resume()
  }

  const decide = (one: Waiting, protocol: Protocol): void => {
    // Only a route is refused HTTP/2: what we cannot read must not get its token.
    if (protocol === 'http' || (protocol === 'http2' && one.isMatched)) serveOn(one)
    else {
      if (protocol === 'tls' && one.isMatched) noteTls(one.to)
      spliceOn(one)
    }
  }
  const noteTls = (to: Address): void => {
    counts.appTls += 1
    if (warned) return
    warned = true
    log.warn(
      { destination: formatAddress(to) },
      'the app speaks TLS to a destination of its policy, so no token goes along: use http:// inside the cluster',
    )
  }

  const dialAhead = (one: Waiting): void => {
    const upstream = dial(one.to)
    one.upstream = upstream
    const spoke = (bytes: Buffer): void => {
      upstream.pause()
      upstream.unshift(bytes)
      spliceOn(one)
    }
    const ended = (): void => spliceOn(one)
    const failed = (): void => cut(one)
    upstream.on('data', spoke).on('end', ended).on('error', failed)
    one.off.push(() => upstream.off('data', spoke).off('end', ended).off('error', failed))
  }

  const wait = (socket: Socket, to: Address, serve: Waiting['serve']): void => {
    const isMatched = options.isMatched(to)
    const one: Waiting = {
      socket,
      to,
      isMatched,
      serve,
      bytes: Buffer.alloc(0),
      upstream: undefined,
      timer: undefined,
      off: [],
    }
    waiting.add(one)
    one.timer = isMatched
      ? setTimeout(() => cut(one), headMs)
      : setTimeout(() => dialAhead(one), serverFirstMs)
    const spoke = (more: Buffer): void => {
      one.bytes = one.bytes.length === 0 ? more : Buffer.concat([one.bytes, more])
      const protocol = sniff(one.bytes)
      if (protocol !== undefined) decide(one, protocol)
    }
    const ended = (): void => decide(one, 'other')
    const closed = (): void => cut(one)
    socket.on('data', spoke).on('end', ended).on('close', closed)
    one.off.push(() => socket.off('data', spoke).off('end', ended).off('close', closed))
  }

  return {
    accept(socket, serve) {
      const to = originalDestination(socket)
      const peer = socket.remoteAddress ?? ''
      const isLocal = isLoopback(peer) || pod.includes(withoutMapping(peer))
      if (to === undefined || !isLocal) {
        counts.strayed += 1
        reset(socket)
        return
      }
      const isOwn = isLoopback(to.host) || pod.includes(to.host)
      if (to.port === marker.port && (isOwn || isMarkerHost(to.host))) greet(socket, greeting)
      else if (isOwn && isOwnPort(to.port)) {
        counts.strayed += 1
        reset(socket)
      } else wait(socket, to, serve)
    },
    endIdle() {
      for (const one of waiting) if (one.bytes.length === 0) cut(one)
    },
    abort() {
      for (const one of waiting) cut(one)
      for (const socket of spliced) reset(socket)
    },
  }
}

function giveUp(upstream: Socket | undefined): void {
  upstream?.on('error', () => undefined).destroy()
}

function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

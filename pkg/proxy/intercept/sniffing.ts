import { connect, type Socket } from 'node:net'
import { formatAddress, type Address } from '../../http/address.ts'
import { reset } from '../../http/reset.ts'
import type { Log } from '../../telemetry/log.ts'
import { sniff, type Protocol } from '../forward/sniff.ts'
import { splice } from '../forward/splice.ts'
import type { Dial } from '../forward/verdict.ts'
import type { FrontCounts } from './inbound-front.ts'

/**
 * How long the app may be silent before a destination that no policy names is dialled, in case its server
 * speaks first. Clients of HTTP speak at once, and then the engine makes the connection.
 */
const serverFirstMs = 10

export interface SniffingOptions {
  /** Whether a route of the policy has this destination. */
  readonly isMatched: (destination: Address) => boolean
  /** How to dial it; throws where that must not be. */
  readonly dialOf: (destination: Address) => Dial | Promise<Dial>
  readonly counts: FrontCounts
  readonly log: Log
  /** How long a matched destination may wait for the first bytes. */
  readonly headMs: number
}

/** Connections of the app whose destination is known and whose protocol is not. */
export interface Sniffing {
  /** Serves HTTP; TLS and everything else goes on untouched, servers that speak first included. */
  take(socket: Socket, to: Address, serve: (destination: Address) => void): void
  endIdle(): void
  abort(): void
}

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

/** Nothing waits yet. */
export function createSniffing(options: SniffingOptions): Sniffing {
  const { counts, log, headMs } = options
  const waiting = new Set<Waiting>()
  const spliced = new Set<Socket>()
  let warned = false

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
  /**
   * Dials, and goes on with the connection; where that must not or cannot be, the app's is cut. By the time
   * that a name is resolved, nobody may want it any more.
   */
  const dial = (
    one: Waiting,
    { isWanted, goOn }: { isWanted: () => boolean; goOn: (upstream: Socket) => void },
  ): void => {
    const failed = (): void => {
      if (isWanted()) cut(one)
    }
    const dialled = ({ host, port, from }: Dial): void => {
      if (!isWanted()) return
      goOn(
        connect({
          host,
          port,
          allowHalfOpen: true,
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: 30_000,
          ...(from === undefined ? {} : { localAddress: from }),
        }),
      )
    }
    try {
      const to = options.dialOf(one.to)
      if (to instanceof Promise) to.then(dialled, failed)
      else dialled(to)
    } catch {
      failed()
    }
  }

  const spliceOn = (one: Waiting): void => {
    const { socket, upstream } = one
    release(one)
    socket.pause()
    follow(socket)
    const goOn = (to: Socket): void => spliceTo(one, to)
    if (upstream !== undefined) goOn(upstream)
    else dial(one, { isWanted: () => !socket.destroyed, goOn })
  }
  const follow = (socket: Socket): void => {
    spliced.add(socket)
    socket.on('close', () => spliced.delete(socket))
  }
  const spliceTo = ({ socket, bytes }: Waiting, upstream: Socket): void => {
    counts.spliced += 1
    follow(upstream)
    if (bytes.length > 0) upstream.write(bytes)
    splice(socket, upstream)
  }
  const serveOn = (one: Waiting): void => {
    release(one)
    const { socket, to, bytes, upstream } = one
    giveUp(upstream)
    handBack(socket, bytes)
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
    const goOn = (upstream: Socket): void => {
      one.upstream = upstream
      const spoke = (bytes: Buffer): void => {
        handBack(upstream, bytes)
        spliceOn(one)
      }
      const ended = (): void => spliceOn(one)
      const failed = (): void => cut(one)
      upstream.on('data', spoke).on('end', ended).on('error', failed)
      one.off.push(() => upstream.off('data', spoke).off('end', ended).off('error', failed))
    }
    dial(one, { isWanted: () => waiting.has(one), goOn })
  }

  return {
    take(socket, to, serve) {
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

/** Bytes that were read come first for whoever reads on. */
export function handBack(socket: Socket, bytes: Buffer): void {
  socket.pause()
  socket.unshift(bytes)
}

function giveUp(upstream: Socket | undefined): void {
  upstream?.on('error', () => undefined).destroy()
}

import type { Socket } from 'node:net'
import type { Address } from '../../http/address.ts'
import { reset } from '../../http/reset.ts'
import { Refusal } from '../../refusal/refusal.ts'
import type { Limits } from '../forward/limits.ts'
import type { Front } from '../forward/verdict.ts'
import { isLoopback } from '../own-listeners.ts'
import { splitAuthority } from '../routes.ts'
import { handBack, type Sniffing } from './sniffing.ts'

/** A head with CONNECT is short; what is longer is for the engine to refuse. */
const headBytes = 8 * 1024
const verb = 'CONNECT '
const empty: Buffer = Buffer.alloc(0)
const established = 'HTTP/1.1 200 Connection Established\r\n\r\n'

/** A connection that has not been handed on: what it has said so far. */
interface Held {
  readonly socket: Socket
  bytes: Buffer
}

/**
 * CONNECT to our HTTP proxy (RFC 9110 9.3.6): the destination is known by its name, and what is said in the
 * tunnel is treated like a redirected connection. Every other request is the engine's.
 */
export function createConnectFront(options: {
  readonly sniffing: Sniffing
  /** Whether the destination may be tunnelled to; throws Refusal. */
  readonly admit: (destination: Address) => void
  /** Answers with a refusal, and sends our end. */
  readonly refuse: (socket: Socket, refusal: Refusal) => void
  readonly limits: Pick<Limits, 'headMs' | 'lingerMs'>
}): Front {
  const { sniffing, admit, refuse, limits } = options
  const held = new Set<Held>()

  return {
    accept(socket, serve) {
      const one: Held = { socket, bytes: empty }
      held.add(one)
      let timer = setTimeout(() => socket.destroy(), limits.headMs)
      const release = (): void => {
        held.delete(one)
        clearTimeout(timer)
        socket.off('data', spoke).off('end', ended).off('close', release)
      }
      const goOn = (rest: Buffer, next: () => void): void => {
        release()
        handBack(socket, rest)
        next()
        socket.resume()
      }
      /** Held until it is closed: whoever is refused need not close by himself. */
      const endWith = (refusal: Refusal): void => {
        socket.off('data', spoke).off('end', ended)
        clearTimeout(timer)
        timer = setTimeout(() => socket.destroy(), limits.lingerMs)
        refuse(socket, refusal)
        socket.resume()
      }
      const spoke = (more: Buffer): void => {
        one.bytes = one.bytes.length === 0 ? more : Buffer.concat([one.bytes, more])
        const { bytes } = one
        const text = bytes.toString('latin1', 0, headBytes)
        const isConnect = text.startsWith(verb) || verb.startsWith(text)
        const end = text.indexOf('\r\n\r\n')
        if (isConnect && end === -1 && bytes.length < headBytes) return
        const destination = isConnect && end !== -1 ? destinationIn(text) : undefined
        if (destination === undefined) {
          goOn(bytes, () => serve(undefined))
          return
        }
        try {
          if (!isLoopback(socket.remoteAddress ?? '')) throw new Refusal('peer_not_local')
          admit(destination)
        } catch (error) {
          if (error instanceof Refusal) endWith(error)
          else reset(socket)
          return
        }
        goOn(bytes.subarray(end + 4), () => {
          socket.write(established)
          sniffing.take(socket, destination, serve)
        })
      }
      const ended = (): void => void socket.end()
      socket.on('data', spoke).on('end', ended).on('close', release)
    },
    endIdle() {
      for (const { socket, bytes } of held) if (bytes.length === 0) socket.end()
      sniffing.endIdle()
    },
    abort() {
      for (const { socket } of held) reset(socket)
      sniffing.abort()
    },
  }
}

/** The destination of a request line with CONNECT; undefined leaves it to the engine to refuse. */
function destinationIn(head: string): Address | undefined {
  const [, authority = ''] = /^CONNECT (\S+:\d{1,5}) HTTP\/1\.[01]\r\n/.exec(head) ?? []
  return authority === '' ? undefined : splitAuthority(authority.toLowerCase())
}

import type { Socket } from 'node:net'
import type { Address } from '../../http/address.ts'
import { reset } from '../../http/reset.ts'
import { Refusal } from '../../refusal/refusal.ts'
import type { Front } from '../forward/verdict.ts'
import { isLoopback } from '../own-listeners.ts'
import { splitAuthority } from '../routes.ts'
import { handBack, type Sniffing } from './sniffing.ts'

/** A head with CONNECT is short; what is longer is for the engine to refuse. */
const headBytes = 8 * 1024
const verb = 'CONNECT '
const established = 'HTTP/1.1 200 Connection Established\r\n\r\n'

/**
 * CONNECT to our HTTP proxy (RFC 9110 9.3.6): the destination is known by its name, and what is said in the
 * tunnel is treated like a redirected connection. Every other request is the engine's.
 */
export function createConnectFront(options: {
  readonly sniffing: Sniffing
  /** Whether the destination may be tunnelled to; throws Refusal. */
  readonly admit: (destination: Address) => void
  /** Answers with a refusal and closes. */
  readonly refuse: (socket: Socket, refusal: Refusal) => void
  readonly headMs: number
}): Front {
  const { sniffing, admit, refuse, headMs } = options
  const silent = new Set<Socket>()

  return {
    accept(socket, serve) {
      silent.add(socket)
      const timer = setTimeout(() => socket.destroy(), headMs)
      let bytes = Buffer.alloc(0)
      const release = (): void => {
        silent.delete(socket)
        clearTimeout(timer)
        socket.off('data', spoke).off('end', ended).off('close', release)
      }
      const goOn = (rest: Buffer, next: () => void): void => {
        release()
        handBack(socket, rest)
        next()
        socket.resume()
      }
      const spoke = (more: Buffer): void => {
        silent.delete(socket)
        bytes = bytes.length === 0 ? Buffer.from(more) : Buffer.concat([bytes, more])
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
          release()
          if (error instanceof Refusal) refuse(socket, error)
          else reset(socket)
          return
        }
        goOn(bytes.subarray(end + 4), () => {
          socket.write(established)
          sniffing.take(socket, destination, serve)
        })
      }
      const ended = (): void => {
        release()
        socket.end()
      }
      socket.on('data', spoke).on('end', ended).on('close', release)
    },
    endIdle() {
      for (const socket of silent) socket.end()
      sniffing.endIdle()
    },
    abort() {
      for (const socket of silent) reset(socket)
      sniffing.abort()
    },
  }
}

/** The destination of a request line with CONNECT; undefined leaves it to the engine to refuse. */
function destinationIn(head: string): Address | undefined {
  const [, authority = ''] = /^CONNECT (\S+:\d{1,5}) HTTP\/1\.[01]\r\n/.exec(head) ?? []
  return authority === '' ? undefined : splitAuthority(authority.toLowerCase())
}

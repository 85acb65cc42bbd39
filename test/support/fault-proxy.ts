/** TCP between two real parts that can be told to fail: what passes is never read or changed. */
import net from 'node:net'
import { reset } from '../../pkg/http/reset.ts'

/**
 * - `reset`: connections end at once, those that are open too
 * - `refuse`: the same, and nobody listens
 * - `hang`: connections are taken, and nothing passes any more
 */
export type Fault = 'none' | 'reset' | 'refuse' | 'hang'

export interface FaultProxy {
  readonly port: number
  /** Connections that it refused to carry: reset, or hung. */
  failed(): number
  /** From now on; `delayMs` is how long each piece of bytes takes. */
  be(fault: Fault, delayMs?: number): Promise<void>
  close(): Promise<void>
}

/** Carries what comes to its port on loopback to `target`. */
export async function startFaultProxy(target: net.TcpNetConnectOpts): Promise<FaultProxy> {
  let fault: Fault = 'none'
  let delayMs = 0
  let failed = 0
  const open = new Set<net.Socket>()

  const carry = (from: net.Socket, to: net.Socket): void => {
    from.on('data', (bytes) => {
      if (fault === 'hang') return
      if (delayMs === 0) to.write(bytes)
      else setTimeout(() => to.write(bytes), delayMs)
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      open.delete(from)
      to.destroy()
    })
    open.add(from)
  }
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    if (fault !== 'none') failed += 1
    if (fault === 'reset') {
      reset(client)
      return
    }
    const upstream = net.connect({ ...target, allowHalfOpen: true })
    carry(client, upstream)
    carry(upstream, client)
  })
  const listen = (at: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(at, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  const cut = (): void => {
    for (const socket of open) reset(socket)
  }
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      if (!server.listening) return resolve()
      server.close(() => resolve())
      cut()
    })

  await listen(0)
  const { port } = server.address() as net.AddressInfo
  return {
    port,
    failed: () => failed,
    async be(next, delay = 0) {
      fault = next
      delayMs = delay
      if (next === 'refuse') return stop()
      if (next === 'reset') cut()
      if (!server.listening) await listen(port)
    },
    close: stop,
  }
}

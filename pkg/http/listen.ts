import type { Server } from 'node:net'
import { formatAddress, type Address } from './address.ts'

/** A port that cannot be opened: names the port, who wanted it and what to do. */
export class ListenError extends Error {
  readonly address: Address

  constructor(what: string, address: Address, cause: NodeJS.ErrnoException) {
    const at = formatAddress(address)
    const why =
      cause.code === 'EADDRINUSE'
        ? `${at} is in use by another process; stop it or choose another port`
        : cause.code === 'EACCES'
          ? `${at} may not be opened by this user; choose a port above 1023`
          : cause.code === 'EADDRNOTAVAIL'
            ? `${at} is not an address of this machine`
            : `${at}: ${cause.code ?? cause.message}`
    super(`${what} cannot listen: ${why}`, { cause })
    this.name = 'ListenError'
    this.address = address
  }
}

/**
 * Opens a listener; gives the address with the port that was really taken. `::` means every address,
 * also where this machine has no IPv6. Throws ListenError.
 */
export function listen(server: Server, address: Address, what = 'the server'): Promise<Address> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (address.host === '::' && isMissingFamily(error)) {
        resolve(listen(server, { ...address, host: '0.0.0.0' }, what))
      } else reject(new ListenError(what, address, error))
    }
    server.once('error', failed)
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', failed)
      const bound = server.address()
      resolve({
        host: address.host,
        port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
      })
    })
  })
}

/** Whether a listener could not be opened because the machine has no addresses of its family. */
export function isMissingFamily(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT'
}

interface Drainable extends Server {
  closeIdleConnections?(): void
  closeAllConnections?(): void
}

/** Stops accepting, lets requests under way finish for `graceMs`, then cuts what is left. */
export function drain(server: Drainable, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections?.(), graceMs)
    // A connection that turns idle during the drain would otherwise wait for its keep-alive timeout.
    const sweep = setInterval(() => server.closeIdleConnections?.(), 25)
    server.close(() => {
      clearTimeout(cut)
      clearInterval(sweep)
      resolve()
    })
    server.closeIdleConnections?.()
  })
}

import type { Server } from 'node:net'
import type { Address } from '../http/address.ts'
import { listen, ListenError } from '../http/listen.ts'

/** As `listen`; `::` means every address, also where this machine has no IPv6. */
export async function listenToAll(
  server: Server,
  address: Address,
  what: string,
): Promise<Address> {
  try {
    return await listen(server, address, what)
  } catch (error) {
    if (address.host !== '::' || !isMissingFamily(error)) throw error
    return listen(server, { ...address, host: '0.0.0.0' }, what)
  }
}

/** Opens the first address, and the others where this machine has their family. */
export async function listenWhereThere(
  addresses: readonly Address[],
  open: (address: Address) => Promise<Address>,
): Promise<readonly Address[]> {
  const bound: Address[] = []
  for (const address of addresses) {
    try {
      bound.push(await open(address))
    } catch (error) {
      if (bound.length === 0 || !isMissingFamily(error)) throw error
    }
  }
  return bound
}

function isMissingFamily(error: unknown): boolean {
  if (!(error instanceof ListenError)) return false
  const { code } = error.cause as NodeJS.ErrnoException
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'
}

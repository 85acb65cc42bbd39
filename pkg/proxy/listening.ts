import type { Address } from '../http/address.ts'
import { isMissingFamily, ListenError } from '../http/listen.ts'

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
      const isMissing =
        error instanceof ListenError && isMissingFamily(error.cause as NodeJS.ErrnoException)
      if (bound.length === 0 || !isMissing) throw error
    }
  }
  return bound
}

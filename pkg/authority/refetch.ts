import type { KeySource } from '../issuers/key-source.ts'
import { Refusal } from '../refusal/refusal.ts'

/**
 * Fetches the keys of an issuer for a `kid` that is not here; true when it has come. Rejects with
 * Refusal `keys_unavailable` where the issuer is away: nobody can say then that the token is bad.
 */
export function createRefetch(
  keySource: Pick<KeySource, 'refetch' | 'status'>,
): (issuerName: string, kid: string) => Promise<boolean> {
  return async (issuerName, kid) => {
    if (await keySource.refetch(issuerName, kid)) return true
    if (keySource.status(issuerName)?.lastError === undefined) return false
    throw new Refusal('keys_unavailable')
  }
}

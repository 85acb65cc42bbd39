import type { IssuerTrust } from '../token/claims.ts'
import { sortedRecord } from './order.ts'

/** The audiences of an issuer that name one of these Services. */
export function audiencesNaming(trust: IssuerTrust, services: readonly string[]): string[] {
  return Object.entries(trust.audiences)
    .filter(([, named]) => services.some((service) => named.includes(service)))
    .map(([audience]) => audience)
}

/** TrustedIssuer's name -> its audiences that name one of these Services. */
export function issuerAudiencesOf(
  services: readonly string[],
  trusts: ReadonlyMap<string, IssuerTrust>,
): Record<string, readonly string[]> {
  return sortedRecord(
    [...trusts.values()]
      .map((trust) => [trust.name, audiencesNaming(trust, services)] as const)
      .filter(([, audiences]) => audiences.length > 0),
  )
}

import { networkInterfaces } from 'node:os'
import { formatAddress, type Address } from '../http/address.ts'

/** Where other replicas reach a port that is bound there: a pod's own address where that is to all. */
export function ownAddress({ host, port }: Address): string {
  if (host !== '::' && host !== '0.0.0.0') return formatAddress({ host, port })
  const all = Object.values(networkInterfaces()).flatMap((rows) => rows ?? [])
  const reachable = all.filter(
    ({ internal, address }) => !internal && !address.toLowerCase().startsWith('fe80:'),
  )
  const found = reachable.find(({ family }) => family === 'IPv4') ?? reachable[0]
  return formatAddress({ host: found?.address ?? host, port })
}

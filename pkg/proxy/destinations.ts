import { isIP } from 'node:net'
import type { Address } from '../http/address.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { OwnListeners } from './own-listeners.ts'
import type { Resolve } from './resolve.ts'
import { plainAddress, type PreparedRoute } from './routes.ts'
import type { ServiceAddresses } from './service-addresses.ts'

/** Where to dial. Both throw Refusal `upstream_unreachable`, and `loop_detected` for our own listeners. */
export interface Destinations {
  /** A matched destination: the address that was named, else one of its route. */
  ofRoute(route: PreparedRoute, named: Address | undefined): Address
  /** One that no policy names. */
  ofStranger(destination: Address): Address | Promise<Address>
}

/** Names are looked up in the file of service addresses first, then in DNS; pods of a route take turns. */
export function createDestinations(options: {
  readonly services: ServiceAddresses
  readonly own: Pick<OwnListeners, 'includes'>
  readonly resolve: Resolve
}): Destinations {
  const { services, own, resolve } = options
  let turn = 0

  const guarded = (address: Address): Address => {
    if (own.includes(address)) throw new Refusal('loop_detected')
    return address
  }

  return {
    ofRoute({ names, dial }, named) {
      if (named !== undefined && isIP(named.host) !== 0) return guarded(named)
      for (const name of names) {
        const address = services.find(name)
        if (address !== undefined) return guarded(address)
      }
      turn = (turn + 1) % 0x7fffffff
      const address = dial[turn % dial.length]
      if (address === undefined) {
        throw new Refusal('upstream_unreachable', { hint: 'The Service has no address.' })
      }
      return guarded(address)
    },
    ofStranger({ host, port }) {
      const address = services.find(`${host}:${port}`)
      if (address !== undefined) return guarded(address)
      if (isIP(host) !== 0) return guarded({ host, port })
      return resolve(host).then((found) => guarded({ host: plainAddress(found) ?? found, port }))
    },
  }
}

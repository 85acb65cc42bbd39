import { isIP, isIPv6 } from 'node:net'
import type { Address } from '../http/address.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Dial } from './forward/verdict.ts'
import type { OwnListeners } from './own-listeners.ts'
import type { Resolve } from './resolve.ts'
import { plainAddress } from './plain-address.ts'
import type { PreparedRoute } from './routes.ts'
import type { ServiceAddresses } from './service-addresses.ts'

/** Where to dial. Both throw Refusal `upstream_unreachable`, and `loop_detected` for our own listeners. */
export interface Destinations {
  /** A matched destination: the address that was named, else one of its route. */
  ofRoute(route: PreparedRoute, named: Address | undefined): Dial
  /** One that no policy names. */
  ofStranger(destination: Address): Dial | Promise<Dial>
  /** One that a connection goes to: matched or not, by its name or address. */
  ofConnection(route: PreparedRoute | undefined, destination: Address): Dial | Promise<Dial>
}

/** Names are looked up in the file of service addresses first, then in DNS; pods of a route take turns. */
export function createDestinations(options: {
  readonly services: ServiceAddresses
  readonly own: Pick<OwnListeners, 'includes'>
  readonly resolve: Resolve
  /**
   * In a redirected pod: whether an address is the pod's own. From a loopback address the call then goes
   * the way of a stranger's and is judged on its way in; otherwise it would get to the app past that.
   */
  readonly isOfPod?: (host: string) => boolean
}): Destinations {
  const { services, own, resolve, isOfPod = () => false } = options
  let turn = 0

  const guarded = (address: Address): Dial => {
    if (own.includes(address)) throw new Refusal('loop_detected')
    if (!isOfPod(address.host)) return address
    return { ...address, from: isIPv6(address.host) ? '::1' : '127.0.0.1' }
  }

  const ofRoute: Destinations['ofRoute'] = ({ names, dial }, named) => {
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
  }
  const ofStranger: Destinations['ofStranger'] = ({ host, port }) => {
    const address = services.find(`${host}:${port}`)
    if (address !== undefined) return guarded(address)
    if (isIP(host) !== 0) return guarded({ host, port })
    return resolve(host).then((found) => guarded({ host: plainAddress(found) ?? found, port }))
  }

  return {
    ofRoute,
    ofStranger,
    ofConnection: (route, destination) =>
      route === undefined ? ofStranger(destination) : ofRoute(route, destination),
  }
}

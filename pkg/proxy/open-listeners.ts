import type { Server } from 'node:net'
import type { Address } from '../http/address.ts'
import { listen } from '../http/listen.ts'
import type { ConnectionFacts, Front } from './forward/verdict.ts'
import type { Arrival } from './inbound.ts'
import type { Interception } from './intercept/interception.ts'
import type { Listeners, Ports } from './listeners.ts'
import { listenWhereThere } from './listening.ts'
import type { OwnListeners } from './own-listeners.ts'

export interface InboundListening {
  readonly at: (connection: ConnectionFacts) => Arrival
  readonly front?: Front
}

export interface OutboundListening {
  readonly route?: string
  readonly front?: Front
}

/** Makes the servers of a sidecar, one at each call; whoever makes them closes them. */
export interface Servers {
  inbound(name: string, options: InboundListening): Server
  outbound(name: string, options: OutboundListening): Server
  /** What stands before the HTTP proxy. */
  connectFront(): Front
  admin(): Server
  probes(): Server
  metrics(): Server
}

/** Opens every listener. Throws ListenError at the first that cannot be had, and leaves the others open. */
export async function openListeners(
  listeners: Listeners,
  options: {
    readonly servers: Servers
    readonly own: Pick<OwnListeners, 'add'>
    readonly interception: Interception | undefined
  },
): Promise<Ports> {
  const { servers, own, interception } = options

  /** Opens one that no call of the app may come back to. */
  const openOwn = async (server: Server, address: Address, what: string): Promise<Address> => {
    const bound = await listen(server, address, what)
    own.add(bound)
    return bound
  }
  const openInbound = async ({ listen: address, app }: Listeners['inbound'][number]) => {
    let arrival = { port: address.port, app }
    const name = `inbound ${address.port}`
    const server = servers.inbound(name, { at: () => arrival })
    const bound = await listen(server, address, `${name} (--inbound)`)
    arrival = { port: bound.port, app }
    return bound
  }
  const openRedirected = async (
    { inbound, outbound }: NonNullable<Listeners['redirected']>,
    fronts: Interception,
  ): Promise<NonNullable<Ports['redirected']>> => {
    const at = ({ destination }: ConnectionFacts): Arrival => {
      if (destination === undefined) throw new Error('the connection was not redirected')
      return { port: destination.port, app: destination }
    }
    const arriving = servers.inbound('inbound', { at, front: fronts.inbound })
    return {
      inbound: await openOwn(arriving, inbound, 'inbound (--interception)'),
      outbound: await listenWhereThere(outbound, (address) => {
        const leaving = servers.outbound('outbound', { front: fronts.outbound })
        return openOwn(leaving, address, 'outbound (--interception)')
      }),
    }
  }

  const { outbound, probes, metrics, redirected } = listeners
  const [admin] = await listenWhereThere(listeners.admin, (address) =>
    openOwn(servers.admin(), address, 'the admin port (--admin-address)'),
  )
  if (admin === undefined) throw new Error('there is no address for the admin port')
  const mapped: Address[] = []
  for (const entry of listeners.inbound) mapped.push(await openInbound(entry))
  const arriving =
    redirected === undefined || interception === undefined
      ? undefined
      : await openRedirected(redirected, interception)
  const out =
    outbound &&
    (await openOwn(
      servers.outbound('outbound', { front: servers.connectFront() }),
      outbound,
      'outbound (--outbound-address)',
    ))
  const routes: Address[] = []
  for (const { listen: address, route } of listeners.routes) {
    const name = `route ${route}`
    routes.push(
      await openOwn(servers.outbound(name, { route }), address, `${name} (--route-ports)`),
    )
  }
  const asked =
    probes && (await openOwn(servers.probes(), probes, 'the probe port (--probe-address)'))
  const scraped =
    metrics && (await openOwn(servers.metrics(), metrics, 'the metrics port (--metrics-address)'))
  return {
    inbound: mapped,
    outbound: out,
    routes,
    admin,
    ...(arriving === undefined ? {} : { redirected: arriving }),
    ...(asked === undefined ? {} : { probes: asked }),
    ...(scraped === undefined ? {} : { metrics: scraped }),
  }
}

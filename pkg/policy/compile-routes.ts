import type { TargetPort } from './bind.ts'
import { endpointsOf, type Selection } from './selection.ts'
import type { AddressesSection, Route, RouteAddresses, RoutesSection } from './workload-policy.ts'

/** What one caller gets to know about where it may call. */
export interface CallerRoutes {
  readonly routes: RoutesSection
  readonly addresses: AddressesSection
}

/** Identity -> its routes: to each target port, the rules that name it, and what is public there. */
export function compileRoutes(
  targets: ReadonlyMap<string, TargetPort>,
  selection: Selection,
  clusterDomain: string,
): ReadonlyMap<string, CallerRoutes> {
  const callers = new Map<string, { routes: Route[]; addresses: [string, RouteAddresses][] }>()
  for (const target of targets.values()) {
    const { service, port } = target
    const addresses: RouteAddresses = {
      clusterIPs: service.spec.clusterIPs.filter((address) => address !== 'None'),
      endpoints: endpointsOf(selection, service, port),
    }
    for (const identity of callersOf(target)) {
      const caller = callers.get(identity) ?? { routes: [], addresses: [] }
      caller.routes.push(routeOf(target, identity, clusterDomain))
      caller.addresses.push([target.id, addresses])
      callers.set(identity, caller)
    }
  }
  return new Map(
    [...callers].map(([identity, { routes, addresses }]) => [
      identity,
      { routes: { routes }, addresses: Object.fromEntries(addresses) },
    ]),
  )
}

function callersOf(target: TargetPort): Set<string> {
  return new Set(target.rules.flatMap(({ inbound }) => Object.keys(inbound.callers)))
}

/** The route of one caller to one target port. */
export function routeOf(target: TargetPort, identity: string, clusterDomain: string): Route {
  const { id, service, port, audience } = target
  const { namespace, name } = service.metadata
  const near = identity.includes(`/ns/${namespace}/sa/`)
  return {
    id,
    namespace,
    service: name,
    portName: port.name,
    port: port.port,
    hosts: [
      ...(near ? [name] : []),
      `${name}.${namespace}`,
      `${name}.${namespace}.svc`,
      `${name}.${namespace}.svc.${clusterDomain.toLowerCase()}`,
    ],
    audience,
    rules: target.rules
      .filter(({ inbound }) => Object.hasOwn(inbound.callers, identity))
      .map(({ outbound }) => outbound),
    public: target.public,
  }
}

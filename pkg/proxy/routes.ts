import { isIPv6 } from 'node:net'
import type { Address } from '../http/address.ts'
import { judgesPath } from '../policy/match.ts'
import { plainAddress } from './plain-address.ts'
import type { AddressesSection, Route } from '../policy/workload-policy.ts'

/** A route, ready for lookups. */
export interface PreparedRoute {
  readonly route: Route
  /** `host:port` of each of its names, as a client writes them. */
  readonly names: readonly string[]
  /** Addresses of the Service and of its pods: who names one of them means it. */
  readonly own: readonly Address[]
  readonly pods: readonly Address[]
  /** Addresses to dial in turn: the Service's own where it has one. */
  readonly dial: readonly Address[]
  /** Whether a path rule could judge. */
  readonly judgesPath: boolean
}

export interface RouteTable {
  /** Routes that a destination names: none, one, or several for a shared address. */
  find(host: string, port: number): readonly PreparedRoute[]
  /** `namespace/service:port`, the port by name or number. */
  byId(id: string): PreparedRoute | undefined
}

const nothing: readonly PreparedRoute[] = []

/** All that a destination may be called, prepared for one look-up per request. */
export function createRouteTable(routes: readonly Route[], where: AddressesSection): RouteTable {
  const byDestination = new Map<string, PreparedRoute[]>()
  const byId = new Map<string, PreparedRoute>()
  const add = (destination: string, route: PreparedRoute): void => {
    const there = byDestination.get(destination)
    if (there === undefined) byDestination.set(destination, [route])
    else if (!there.includes(route)) there.push(route)
  }
  for (const route of routes) {
    const prepared = prepare(route, where)
    for (const name of prepared.names) add(name, prepared)
    for (const { host, port } of [...prepared.own, ...prepared.pods])
      add(`${host}:${port}`, prepared)
    byId.set(route.id, prepared)
    const service = `${route.namespace}/${route.service}`
    byId.set(`${service}:${route.port}`, prepared)
    if (route.portName !== '') byId.set(`${service}:${route.portName}`, prepared)
  }
  return {
    find: (host, port) => byDestination.get(`${host}:${port}`) ?? nothing,
    byId: (id) => byId.get(id),
  }
}

function prepare(route: Route, where: AddressesSection): PreparedRoute {
  const known = Object.hasOwn(where, route.id) ? where[route.id] : undefined
  const own: Address[] = []
  for (const text of known?.clusterIPs ?? []) {
    const host = plainAddress(text)
    if (host !== undefined) own.push({ host, port: route.port })
  }
  const pods: Address[] = []
  for (const { address, port } of known?.endpoints ?? []) {
    const host = plainAddress(address)
    if (host !== undefined) pods.push({ host, port })
  }
  return {
    route,
    names: route.hosts.map((host) => `${host.toLowerCase()}:${route.port}`),
    own,
    pods,
    dial: own.length > 0 ? own.slice(0, 1) : pods,
    judgesPath: judgesPath(route),
  }
}

/**
 * Host and port of an authority in lower case; port 80 where it has none; one dot at the end of a name
 * is left out, and an address is written in its one short form. Undefined where it is no authority.
 */
export function splitAuthority(authority: string): Address | undefined {
  const colon = authority.lastIndexOf(':')
  const bracket = authority.lastIndexOf(']')
  const portText = colon > bracket ? authority.slice(colon + 1) : ''
  let host = colon > bracket ? authority.slice(0, colon) : authority
  if (portText !== '' && !/^\d{1,5}$/.test(portText)) return undefined
  const port = portText === '' ? 80 : Number(portText)
  if (port === 0 || port > 65_535) return undefined
  if (host.startsWith('[') && host.endsWith(']')) {
    host = host.slice(1, -1)
    if (!isIPv6(host)) return undefined
    return { host: plainAddress(host) ?? host, port }
  }
  if (host.endsWith('.')) host = host.slice(0, -1)
  if (host === '' || !/^[a-z0-9._-]+$/.test(host)) return undefined
  return { host, port }
}

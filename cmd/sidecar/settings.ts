import { setting, type Settings } from '../../pkg/config/settings.ts'
import { parseAddress, type Address } from '../../pkg/http/address.ts'
import { isLoopback } from '../../pkg/proxy/own-listeners.ts'
import { readProbes } from '../../pkg/proxy/probes/probe.ts'

const name = '[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?'
const routeForm = new RegExp(`^${name}/${name}:${name}$`)

export const definition = {
  program: 'sidecar',
  summary: 'Checks the calls that arrive at one app and gives tokens to those that it makes.',
  fields: {
    inbound: setting.list(
      setting.parsed(parseInbound, 'HOST:PORT=HOST:PORT', {
        help: 'where to listen (the target port) = where the app listens; repeatable',
      }),
    ),
    outboundAddress: setting.parsed(parseLocal, 'LOOPBACK:PORT', {
      help: 'the HTTP proxy for calls of the app',
    }),
    routePorts: setting.list(
      setting.parsed(parseRoute, 'LOOPBACK:PORT=NAMESPACE/SERVICE:PORT', {
        help: 'a port whose every request takes one route; repeatable',
      }),
    ),
    interception: setting.string({
      help: 'redirect: take all connections of the pod, as the program redirect leads them here; explicit: only what the other settings name',
      oneOf: ['explicit', 'redirect'],
      default: 'explicit',
    }),
    unmatched: setting.string({
      help: 'what becomes of HTTP to a destination that no policy names',
      oneOf: ['pass', 'deny'],
      default: 'pass',
    }),
    appPorts: setting.list(
      setting.integer({
        help: 'ports of the app that must not answer at the address of the pod, where nothing is redirected; repeatable',
        min: 1,
        max: 65_535,
      }),
    ),
    adminAddress: setting.list(
      setting.parsed(parseLocal, 'LOOPBACK:PORT', {
        help: 'readiness, metrics and the policy, for this machine only; repeatable, and what comes after the first is left out where its family is missing',
        default: '127.0.0.1:15490,[::1]:15490',
      }),
    ),
    probeAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'where the kubelet asks: /startupz, /readyz and the probes of the app',
    }),
    metricsAddress: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'where metrics are scraped',
    }),
    probes: setting.parsed(readProbes, 'JSON', {
      help: 'probes of the app: a map from a path /probes/CONTAINER/KIND to httpGet, tcpSocket or grpc',
    }),
    controllers: setting.list(
      setting.url({ help: 'addresses of the controllers; repeatable', required: true }),
      { required: true },
    ),
    authority: setting.url({ help: 'issuer identifier of the authority', required: true }),
    caFile: setting.path({ help: 'PEM roots of controllers and authority', exists: 'file' }),
    caBundle: setting.string({ help: 'the same as text, in place of a file' }),
    discoveryTokenFile: setting.path({
      help: 'service-account token with audience tokenward:discovery',
      exists: 'file',
      required: true,
    }),
    authorityTokenFile: setting.path({
      help: 'service-account token with audience tokenward:authority',
      exists: 'file',
      required: true,
    }),
    stateFolder: setting.path({
      help: 'where the last good policy is kept for the next start',
      exists: 'folder',
    }),
    serviceAddressesFile: setting.path({
      help: 'JSON map of "host:port" to an address, where no cluster resolves names',
    }),
    logLevel: setting.string({
      help: 'debug also writes an audit line for every allowed request',
      oneOf: ['debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
    }),
  },
} as const

export type SidecarSettings = Settings<(typeof definition)['fields']>

/** Where redirected connections arrive (data-plane.md, "Ports"). */
export const redirectedTo = {
  inbound: { host: '::', port: 15401 },
  outbound: [
    { host: '127.0.0.1', port: 15402 },
    { host: '::1', port: 15402 },
  ],
} as const

/** What no single setting can show: too much, too little, or one of our own listeners for the app. */
export function contradiction(settings: SidecarSettings): string | undefined {
  const { inbound, outboundAddress, routePorts, adminAddress, caFile, caBundle } = settings
  if (caFile === undefined && caBundle === undefined) {
    return 'give --ca-file or --ca-bundle: the roots of controllers and authority'
  }
  if (caFile !== undefined && caBundle !== undefined) {
    return '--ca-file and --ca-bundle are both given; one of them says it'
  }
  const isRedirect = settings.interception === 'redirect'
  const named = inbound.length > 0 ? '--inbound' : '--outbound-address'
  if (isRedirect && (inbound.length > 0 || outboundAddress !== undefined)) {
    return `${named} has no meaning with --interception redirect, which takes every connection`
  }
  const listeners = [
    ...inbound.map(({ listen }) => listen),
    ...routePorts.map(({ listen }) => listen),
    outboundAddress,
    adminAddress[0],
    settings.probeAddress,
    settings.metricsAddress,
    ...(isRedirect ? [redirectedTo.inbound, redirectedTo.outbound[0]] : []),
  ].filter((address) => address !== undefined)
  const loop = inbound.find(({ app }) => listeners.some((own) => own.port === app.port))
  if (loop !== undefined) {
    return `--inbound names port ${loop.app.port} for the app, but the sidecar listens there itself`
  }
  const ports = listeners.map(({ port }) => port).filter((port) => port !== 0)
  const twice = ports.find((port, index) => ports.indexOf(port) !== index)
  return twice === undefined ? undefined : `port ${twice} is given to two listeners`
}

function parseInbound(text: string): { listen: Address; app: Address } | undefined {
  const [left = '', right = '', more] = text.split('=')
  const listen = parseAddress(left)
  const app = parseAddress(right)
  return listen === undefined || app === undefined || app.port === 0 || more !== undefined
    ? undefined
    : { listen, app }
}

function parseLocal(text: string): Address | undefined {
  const address = parseAddress(text)
  if (address === undefined) return undefined
  return address.host === 'localhost' || isLoopback(address.host) ? address : undefined
}

function parseRoute(text: string): { listen: Address; route: string } | undefined {
  const [left = '', route = '', more] = text.split('=')
  const listen = parseLocal(left)
  return listen === undefined || more !== undefined || !routeForm.test(route)
    ? undefined
    : { listen, route }
}

import { setting, type Settings } from '../../pkg/config/settings.ts'
import { parseAddress, type Address } from '../../pkg/http/address.ts'
import { isLoopback } from '../../pkg/proxy/own-listeners.ts'

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
    adminAddress: setting.parsed(parseLocal, 'LOOPBACK:PORT', {
      help: 'readiness, metrics and the policy, for this machine only',
      default: '127.0.0.1:15490',
    }),
    controllers: setting.list(
      setting.url({ help: 'addresses of the controllers; repeatable', required: true }),
      { required: true },
    ),
    authority: setting.url({ help: 'issuer identifier of the authority', required: true }),
    caFile: setting.path({
      help: 'PEM roots of controllers and authority',
      exists: 'file',
      required: true,
    }),
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

/** What no single setting can show: an app address that is one of our own listeners. */
export function contradiction({
  inbound,
  outboundAddress,
  routePorts,
  adminAddress,
}: SidecarSettings): string | undefined {
  const listeners = [
    ...inbound.map(({ listen }) => listen),
    ...routePorts.map(({ listen }) => listen),
    outboundAddress,
    adminAddress,
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

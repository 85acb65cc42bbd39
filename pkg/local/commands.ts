import { dirname } from 'node:path'
import { podOf } from './objects.ts'
import type { StatePaths } from './paths.ts'
import { idOf, type Plan, type PlannedWorkload } from './plan.ts'
import { portOf, type LocalProcess } from './read-local.ts'

/** A domain of its own: no cluster accepts what is issued here. */
export const trustDomain = 'local.tokenward.dev'
export const clusterDomain = 'cluster.local'

export type ProgramName = 'controller' | 'authority' | 'sidecar'

export type Environment = Readonly<Record<string, string | undefined>>

/** Where an app listens. */
export interface Listening {
  readonly host: string
  readonly port: number
}

/** What is started for a plan, and how to see that it serves. */
export interface Launch {
  readonly name: string
  readonly command: readonly string[]
  readonly cwd: string
  readonly env: Environment
  readonly ready: { readonly url: string } | Listening | undefined
}

interface Surroundings {
  readonly folder: string
  readonly paths: StatePaths
  readonly plan: Plan
  /** The command that runs one of our processes. */
  readonly program: (name: ProgramName) => readonly string[]
  readonly env: Environment
}

/** Issuer identifier of the authority, and where it is. */
export function authorityUrl(plan: Plan): string {
  return `https://127.0.0.1:${plan.authorityPort}`
}

/** The controller of a plan. */
export function controllerLaunch(around: Surroundings): Launch {
  const { folder, paths, plan } = around
  return own(
    around,
    { kind: 'controller', name: 'controller', adminPort: plan.controllerAdminPort },
    {
      folder,
      'state-folder': paths.folder,
      'discovery-address': `127.0.0.1:${plan.discoveryPort}`,
      'authority-issuer': authorityUrl(plan),
      'trust-domain': trustDomain,
      'cluster-domain': clusterDomain,
      'allow-private-issuers': true,
    },
  )
}

/** The authority of a plan; its signing key is waited for. */
export function authorityLaunch(around: Surroundings): Launch {
  const { paths, plan } = around
  return own(
    around,
    { kind: 'authority', name: 'authority', adminPort: plan.authorityAdminPort },
    {
      'listen-address': `127.0.0.1:${plan.authorityPort}`,
      issuer: authorityUrl(plan),
      controllers: `https://127.0.0.1:${plan.discoveryPort}`,
      'ca-file': paths.certificate('root'),
      'discovery-token-file': paths.authority.discoveryToken,
      'signing-key-file': paths.signingKey,
      'certificate-file': paths.certificate('authority'),
      'private-key-file': paths.privateKey('authority'),
      'state-folder': paths.authority.state,
      'allow-private-issuers': true,
    },
  )
}

/** The sidecar of one workload. */
export function sidecarLaunch(around: Surroundings, workload: PlannedWorkload): Launch {
  const { paths, plan } = around
  const pod = paths.pod(workload.namespace, podOf(workload))
  const { routes } = workload
  const name = `sidecar ${idOf(workload)}`
  return own(
    around,
    { kind: 'sidecar', name, adminPort: workload.adminPort },
    {
      inbound: `127.0.0.1:${workload.inboundPort}=${workload.app.address}`,
      'outbound-address': `127.0.0.1:${workload.outboundPort}`,
      ...(routes.length === 0
        ? {}
        : {
            'route-ports': routes
              .map(({ service, port }) => `127.0.0.1:${port}=${service}`)
              .join(','),
          }),
      controllers: `https://127.0.0.1:${plan.discoveryPort}`,
      authority: authorityUrl(plan),
      'ca-file': paths.certificate('root'),
      'discovery-token-file': pod.discoveryToken,
      'authority-token-file': pod.authorityToken,
      'state-folder': pod.state,
      'service-addresses-file': paths.serviceAddresses,
    },
  )
}

/** The app of a workload, told its port and its proxy; undefined where it runs already. */
export function appLaunch(around: Surroundings, workload: PlannedWorkload): Launch | undefined {
  const { address, command, env } = workload.app
  if (command === undefined) return undefined
  const proxy = `http://127.0.0.1:${workload.outboundPort}`
  const direct = '127.0.0.1,localhost,::1'
  const proxies = { http_proxy: proxy, HTTP_PROXY: proxy, no_proxy: direct, NO_PROXY: direct }
  return foreign(around, {
    name: `app ${idOf(workload)}`,
    command,
    address,
    env: { ...proxies, NODE_USE_ENV_PROXY: '1', ...env },
  })
}

/** What is started beside the workloads, with no sidecar, or as an app with its variables. */
export function foreign({ folder, env }: Surroundings, started: LocalProcess): Launch {
  const { name, command, address } = started
  const port = portOf(address)
  const told: Record<string, string> = port === undefined ? {} : { PORT: String(port) }
  const given = { ...told, ...started.env }
  return {
    name,
    command,
    cwd: folder,
    env: { ...inherited(env), ...given },
    // Its own PORT, where something else stands at the address.
    ready:
      address === undefined ? undefined : { ...listeningAt(address), port: Number(given['PORT']) },
  }
}

/** `127.0.0.1:PORT` or `[::1]:PORT` of local.yaml. */
export function listeningAt(address: string): Listening {
  return { host: address.startsWith('[') ? '::1' : '127.0.0.1', port: portOf(address) ?? 0 }
}

interface Own {
  readonly kind: ProgramName
  readonly name: string
  readonly adminPort: number
}

function own(
  { program, env, paths }: Surroundings,
  { kind, name, adminPort }: Own,
  settings: Readonly<Record<string, string | true>>,
): Launch {
  const admin = `127.0.0.1:${adminPort}`
  const all: Readonly<Record<string, string | true>> = { ...settings, 'admin-address': admin }
  const flags = Object.entries(all).flatMap(([flag, value]) =>
    value === true ? [`--${flag}`] : [`--${flag}`, value],
  )
  return {
    name,
    command: [...program(kind), ...flags],
    cwd: paths.folder,
    env: only(env),
    ready: { url: `http://${admin}/readyz` },
  }
}

/** Our own variables would be settings of every child; `node` is the one that runs us. */
function inherited(env: Environment): Environment {
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('TOKENWARD_'))
  const path = [dirname(process.execPath), env['PATH']].filter((part) => part !== undefined)
  return { ...Object.fromEntries(kept), PATH: path.join(':') }
}

/** What our own processes may know of it: nothing that weakens TLS or sends them through a proxy. */
function only(env: Environment): Environment {
  const known = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'NODE_COMPILE_CACHE', 'NODE_V8_COVERAGE']
  return Object.fromEntries(known.map((name) => [name, env[name]]))
}

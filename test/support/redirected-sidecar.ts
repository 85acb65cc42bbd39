/** A sidecar whose connections are redirected, as far as the test says so. */
import http from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Address } from '../../pkg/http/address.ts'
import { createSidecar, type Sidecar, type SidecarOptions } from '../../pkg/proxy/sidecar.ts'
import type { Route, WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import type { Ports } from '../../pkg/proxy/listeners.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { policyOf } from './discovery.ts'
import { call } from './shop-sidecars.ts'
import { rawClient, type RawClient } from './wire.ts'

const any = { host: '127.0.0.1', port: 0 }
export const route = (service: string, port: number): Route => ({
  id: `shop/${service}:${port}`,
  namespace: 'shop',
  service,
  portName: 'http',
  port,
  hosts: [service, `${service}.shop`],
  audience: `http://${service}`,
  rules: [
    {
      policy: `shop/${service}`,
      rule: 'all',
      needs: [],
      delegation: 'Allowed',
      scopes: [],
      operations: [{ scopes: [] }],
    },
  ],
  public: [],
})

export const closing: (() => void)[] = []
export const lines: string[] = []
/** What the test says of the next connection, and what servers heard. */
export const told = {
  /** Where it was going. */
  going: undefined as Address | undefined,
  /** Addresses of the pod. */
  ownHosts: [] as string[],
  heard: [] as http.IncomingMessage[],
}

/** For `afterEach`. */
export function closeAll(): void {
  for (const close of closing.splice(0)) close()
  lines.length = 0
  told.heard = []
  told.going = undefined
  told.ownHosts = []
}

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

export const startHttp = (): Promise<number> =>
  listening(
    http.createServer((request, response) => {
      told.heard.push(request)
      response.end('ok')
    }),
  )
export const startRaw = (serve: (socket: Socket) => void): Promise<number> =>
  listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined)
      serve(socket)
    }),
  )

interface Started {
  readonly sidecar: Sidecar
  readonly ports: Ports
  readonly out: () => RawClient
}

export async function start(
  routes: readonly { readonly route: Route; readonly port: number }[],
  more: Partial<SidecarOptions> & {
    readonly explicit?: boolean
    /** Port -> its policy. */
    readonly ports?: Readonly<Record<number, object>>
  } = {},
): Promise<Started> {
  const { explicit = false, ports: policies = {}, ...options } = more
  const sidecar = createSidecar({
    listeners: {
      inbound: [],
      routes: [],
      admin: [any],
      ...(explicit
        ? { outbound: any }
        : {
            redirected: {
              inbound: any,
              outbound: [any],
              originalDestination: () => told.going,
              pod: { includes: (host) => told.ownHosts.includes(host), all: () => [] },
            },
          }),
    },
    log: createLog({ name: 'sidecar', level: 'debug', write: (line) => lines.push(line) }),
    write: (line) => lines.push(line),
    ask: ({ audience }) =>
      Promise.resolve({ accessToken: `for-${audience}`, expiresInSeconds: 300, scopes: [] }),
    source: {
      ageMs: () => 0,
      view: () => ({ connected: true, revision: undefined, hashes: {} }),
    },
    ...options,
  })
  const ports = await sidecar.open()
  closing.push(() => void sidecar.close(0))
  const base = policyOf({})
  const policy: WorkloadPolicy = {
    ...base,
    rules: { ...base.rules, ports: policies as WorkloadPolicy['rules']['ports'] },
    routes: { routes: routes.map((each) => each.route) },
    addresses: Object.fromEntries(
      routes.map((each) => [
        each.route.id,
        { clusterIPs: [], endpoints: [{ address: '127.0.0.1', port: each.port }] },
      ]),
    ),
  }
  sidecar.state.apply(policy)
  const to = explicit ? ports.outbound : ports.redirected?.outbound[0]
  return { sidecar, ports, out: () => rawClient(to?.port ?? 0) }
}

export const get = (host: string, path = '/', fields = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${fields}Connection: close\r\n\r\n`

/** A field that must not leave. */
export const ours = 'Tokenward-Handle: h\r\n'

export async function metric({ ports }: Started, name: string): Promise<number> {
  const { text } = await call({ port: ports.admin.port }, { path: '/metrics' })
  return Number(new RegExp(`^tokenward_sidecar_${name} (\\d+)$`, 'm').exec(text)?.[1])
}

export const last = (): http.IncomingHttpHeaders => told.heard.at(-1)?.headers ?? {}

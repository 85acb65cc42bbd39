/** A sidecar as a process between an app and a controller, with a policy that lets everybody in. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { generationOf, policyOf, startDiscovery, type TestServer } from './discovery.ts'
import { freePorts } from './free-ports.ts'
import { launch, type Flags, type Place, type Program } from './programs.ts'
import { call } from './shop-sidecars.ts'
import { until } from './until.ts'

export interface LiveSidecar extends AsyncDisposable {
  readonly controller: TestServer
  /** The process that runs now. */
  program(): Program
  readonly port: number
  readonly outboundPort: number
  readonly adminPort: number
  /** Starts it anew, and resolves when it is open. */
  start(): Promise<void>
  /** Publishes the next generation of the policy; `count` routes make it larger. */
  publish(count?: number): void
  get(path?: string): ReturnType<typeof call>
  readonly isReady: () => Promise<boolean>
}

export async function startLiveSidecar(
  place: Place,
  options: { readonly app?: http.RequestListener; readonly flags?: Flags } = {},
): Promise<LiveSidecar> {
  const controller = await startDiscovery()
  const app = http.createServer(options.app ?? ((_request, response) => response.end('ok')))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  const ports = await freePorts(['inbound', 'outbound', 'admin'] as const)
  const flags = place.flags('sidecar', {
    inbound: `127.0.0.1:${ports.inbound}=127.0.0.1:${(app.address() as AddressInfo).port}`,
    'outbound-address': `127.0.0.1:${ports.outbound}`,
    'admin-address': `127.0.0.1:${ports.admin}`,
    'route-ports': undefined,
    controllers: controller.url,
    ...options.flags,
  })
  let program: Program
  let version = 0
  const start = async (): Promise<void> => {
    program = launch('sidecar', flags)
    const { stdout, stderr } = program
    await until('the sidecar is open', () => `${stdout()}${stderr()}`.includes('is open'), 15_000)
  }
  const publish = (count = 1): void => {
    version += 1
    const addresses = Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`shop/payments-${at}`, `10.0.0.${version % 250}`]),
    )
    const policy = {
      ...policyOf(addresses),
      rules: {
        ports: { [ports.inbound]: { rules: [], public: [{ scopes: [] }] } },
        audiences: [],
        issuerAudiences: {},
      },
    }
    controller.index.publish(generationOf(version, { 'orders-0': policy }))
  }
  publish()
  await start()
  const live: LiveSidecar = {
    controller,
    program: () => program,
    port: ports.inbound,
    outboundPort: ports.outbound,
    adminPort: ports.admin,
    start,
    publish,
    get: (path = '/') => call({ port: ports.inbound }, { path }),
    isReady: async () => (await call({ port: ports.admin }, { path: '/readyz' })).status === 200,
    async [Symbol.asyncDispose]() {
      program.child.kill('SIGKILL')
      await program.ended
      app.close()
      app.closeAllConnections()
      await controller[Symbol.asyncDispose]()
    },
  }
  await until('the sidecar is ready', live.isReady, 15_000)
  return live
}

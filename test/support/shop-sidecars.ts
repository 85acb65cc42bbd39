/** Sidecars of the shop on loopback, with policies that are compiled for the ports they really have. */
import http from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from '../../pkg/policy/compile.ts'
import type { World } from '../../pkg/policy/world.ts'
import { createAuthorityClient } from '../../pkg/proxy/authority-client.ts'
import type { Ports } from '../../pkg/proxy/listeners.ts'
import { createSidecar, type SidecarOptions } from '../../pkg/proxy/sidecar.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { corpInline, realClock, startAuthority, type TestAuthority } from './authority.ts'
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { pod, service, shop } from './world.ts'

export interface Heard {
  readonly method: string
  readonly url: string
  readonly headers: http.IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
}

export type App = (request: http.IncomingMessage, response: http.ServerResponse) => void

export interface Workload {
  readonly name: string
  readonly ports: Ports
  /** What its app heard, in order. */
  readonly heard: Heard[]
  /** Audit and log lines. */
  readonly lines: string[]
  serve(app: App): void
  last(): Heard
  metrics(): Promise<string>
  readonly close: (graceMs: number) => Promise<void>
}

export interface Shop {
  readonly authority: TestAuthority
  /** The way of every sidecar to the authority. */
  readonly way: FaultProxy
  readonly workloads: Readonly<Record<string, Workload>>
  /** Compiles a changed world and hands it to everybody. */
  apply(change?: (world: World) => World): void
  /** A new pod takes the place of the workload's, and nobody knows it before `apply`. */
  replacePod(name: string): void
  /** How old every sidecar's policy is from now on. */
  age(ms: number): void
  /** A token of corp for alice, at web. */
  alice(change?: Readonly<Record<string, unknown>>): string
  /** A name that is resolved to this address. */
  name(destination: string, address: string): void
  close(): Promise<void>
}

export async function startShop(
  options: Partial<Pick<SidecarOptions, 'handleLingerMs' | 'limits'>> & {
    /** Routes that get a listener of their own, by workload. */
    readonly routes?: Readonly<Record<string, readonly string[]>>
    /** How long a sidecar asks the authority for one token. */
    readonly deadlineMs?: number
  } = {},
): Promise<Shop> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-sidecars-'))
  const authority = await startAuthority({ clock: realClock })
  const way = await startFaultProxy({
    host: '127.0.0.1',
    port: Number(new URL(authority.issuer).port),
  })
  const addressFile = join(folder, 'service-addresses.json')
  const addresses: Record<string, string> = {}
  const writeAddresses = (): void => writeFileSync(addressFile, JSON.stringify(addresses))
  const source = { ageMs: 0 }
  const podNames = new Map(['web', 'orders', 'payments'].map((name) => [name, `${name}-0`]))
  const states: Record<string, { apply(sections: never): void }> = {}
  const workloads: Record<string, Workload> = {}

  for (const name of podNames.keys()) {
    const heard: Heard[] = []
    const lines: string[] = []
    let app: App = (_request, response) => response.end('ok\n')
    const server = http.createServer((request, response) => {
      const { method = '', url = '', headers, rawHeaders } = request
      heard.push({ method, url, headers, rawHeaders })
      app(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const appPort = (server.address() as { port: number }).port
    const client = createAuthorityClient({
      issuer: `https://127.0.0.1:${way.port}`,
      ca: () => authority.ca,
      assertion: () => Promise.resolve(assertionOf(name)),
      deadlineMs: options.deadlineMs ?? 10_000,
    })
    const any = { host: '127.0.0.1', port: 0 }
    const sidecar = createSidecar({
      ...options,
      listeners: {
        inbound: [{ listen: any, app: { host: '127.0.0.1', port: appPort } }],
        outbound: any,
        routes: (options.routes?.[name] ?? []).map((route) => ({ listen: any, route })),
        admin: [any],
      },
      log: createLog({ name, level: 'debug', write: (line) => lines.push(line) }),
      ask: (wanted) => client.ask(wanted),
      source: {
        ageMs: () => source.ageMs,
        view: () => ({ connected: true, revision: undefined, hashes: {} }),
      },
      serviceAddressesFile: addressFile,
      write: (text) => lines.push(text),
    })
    const ports = await sidecar.open()
    states[name] = sidecar.state
    addresses[`${name}.shop:80`] = `127.0.0.1:${ports.inbound[0]?.port ?? 0}`
    workloads[name] = {
      name,
      ports,
      heard,
      lines,
      serve: (next) => (app = next),
      last: () => heard.at(-1) ?? { method: '', url: '', headers: {}, rawHeaders: [] },
      metrics: async () => {
        const response = await fetch(`http://127.0.0.1:${ports.admin.port}/metrics`)
        return response.text()
      },
      close: async (graceMs) => {
        await sidecar.close(graceMs)
        client.close()
        server.close()
        server.closeAllConnections()
      },
    }
  }
  writeAddresses()

  function assertionOf(name: string): string {
    const pod = podNames.get(name) ?? ''
    const issuedAtSeconds = Math.floor(Date.now() / 1000)
    return authority.assertion(name, { pod, podUid: `pod-shop-${pod}`, issuedAtSeconds })
  }

  const apply: Shop['apply'] = (change = (world) => world) => {
    const world = change(
      shop({
        issuers: [corpInline],
        pods: [...podNames].map(([app, name]) => ({
          ...pod('shop', app),
          metadata: { ...pod('shop', app).metadata, name, uid: `pod-shop-${name}` },
        })),
        services: [...podNames.keys()].map((name) =>
          service('shop', name, [
            { name: 'http', port: 80, targetPort: workloads[name]?.ports.inbound[0]?.port ?? 0 },
          ]),
        ),
      }),
    )
    const ofAuthority = authority.sectionsOf(world)
    authority.state.apply(ofAuthority)
    const { sidecars } = compile(world)
    for (const [name, podName] of podNames) {
      const sections = sidecars.get(`pod-shop-${podName}`)
      if (sections === undefined) throw new Error(`no policy for ${name}`)
      states[name]?.apply({
        ...sections,
        keys: ofAuthority.keys,
        trust: { bundle: '' },
      } as never)
    }
  }

  return {
    authority,
    way,
    workloads,
    apply,
    replacePod: (name) => podNames.set(name, `${name}-1`),
    age: (ms) => (source.ageMs = ms),
    alice: (change = {}) => authority.corpToken({ scope: 'orders:create', ...change }),
    name(destination, address) {
      addresses[destination] = address
      writeAddresses()
    },
    async close() {
      await Promise.all(Object.values(workloads).map((one) => one.close(0)))
      await way.close()
      await authority.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  readonly reason: string | undefined
}

/** One call of a client to `host:port`, directly or by an HTTP proxy. */
export function call(
  to: { readonly port: number; readonly via?: string },
  {
    method = 'GET',
    path = '/',
    headers = {},
    body = '',
  }: {
    readonly method?: string
    readonly path?: string
    readonly headers?: http.OutgoingHttpHeaders | readonly string[]
    readonly body?: string
  },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1',
      port: to.port,
      method,
      path: to.via === undefined ? path : `http://${to.via}${path}`,
      headers: to.via === undefined ? headers : { host: to.via, ...headers },
      agent: false,
    })
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const problem = response.headers['content-type'] === 'application/problem+json'
        const parsed = problem ? (JSON.parse(text) as { reason?: string }) : {}
        const { statusCode: status = 0, headers: answered } = response
        resolve({ status, headers: answered, text, reason: parsed.reason })
      })
    })
    request.end(body)
  })
}

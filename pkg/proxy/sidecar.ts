import type { Server } from 'node:net'
import { createAdmin } from '../http/admin.ts'
import { drain, listen } from '../http/listen.ts'
import type { Address } from '../http/address.ts'
import type { IssuedToken } from '../token/exchange.ts'
import type { WorkloadPolicy } from '../policy/workload-policy.ts'
import { createAudit } from '../telemetry/audit.ts'
import type { Log, Write } from '../telemetry/log.ts'
import type { Wanted } from './authority-client.ts'
import { createDecisionIds } from './decision-ids.ts'
import { createDestinations } from './destinations.ts'
import { exposeMetrics } from './expose.ts'
import { createProxyServer, type ProxyServer } from './forward/engine.ts'
import { createHandles } from './handles.ts'
import type { Limits } from './forward/limits.ts'
import type { Handler } from './forward/verdict.ts'
import { createInbound } from './inbound.ts'
import { createOutbound, type OutboundCounts } from './outbound.ts'
import { createOwnListeners } from './own-listeners.ts'
import { createPolicyState, type PolicyState } from './policy-state.ts'
import { createRandomBits } from './random.ts'
import { createRecord, type DecisionRecord } from './record.ts'
import { createResolve } from './resolve.ts'
import { createServiceAddresses } from './service-addresses.ts'
import { createTokens } from './tokens.ts'

export interface Listeners {
  /** Where to listen, which is the target port that the policy names; and where the app listens. */
  readonly inbound: readonly { readonly listen: Address; readonly app: Address }[]
  /** HTTP proxy for the app's own calls. */
  readonly outbound?: Address | undefined
  /** Listeners whose requests all take one route, `namespace/service:port`. */
  readonly routes: readonly { readonly listen: Address; readonly route: string }[]
  readonly admin: Address
}

export interface SidecarOptions {
  readonly listeners: Listeners
  readonly log: Log
  /** Asks the authority for a token. */
  readonly ask: (wanted: Wanted) => Promise<IssuedToken>
  /** Age of the policy, and what else `GET /policy` tells about where it comes from. */
  readonly source: {
    readonly ageMs: () => number
    readonly view: () => Pick<PolicyView, 'connected' | 'revision' | 'hashes'>
  }
  readonly serviceAddressesFile?: string | undefined
  readonly maxPolicyAgeMs?: number
  /** How long a handle opens after its request. */
  readonly handleLingerMs?: number
  readonly limits?: Partial<Limits>
  /** Where audit lines go; default standard output. */
  readonly write?: Write
}

/** What really listens, in the order of the settings. */
export interface Ports {
  readonly inbound: readonly Address[]
  readonly outbound: Address | undefined
  readonly routes: readonly Address[]
  readonly admin: Address
}

/** What `GET /policy` of the admin port shows. No section of a sidecar holds a secret. */
interface PolicyView {
  readonly connected: boolean
  readonly ageSeconds: number
  readonly revision: unknown
  readonly hashes: Readonly<Record<string, string>>
  readonly sections: WorkloadPolicy
}

export interface Sidecar {
  readonly state: PolicyState
  /** Opens every listener, or none. Throws ListenError. */
  open(): Promise<Ports>
  /** Lets what runs end for `graceMs`, then breaks it. */
  close(graceMs: number): Promise<void>
}

const defaultMaxPolicyAgeMs = 3_600_000
const sweepEveryMs = 5_000

/** One sidecar without its control plane: policies are applied to `state`, tokens come from `ask`. */
export function createSidecar(options: SidecarOptions): Sidecar {
  const { listeners, log, source } = options
  const { write } = options
  const audit = createAudit(write === undefined ? {} : { write })
  const writesAllowed = log.level === 'debug'
  const inboundRecord = createRecord({ direction: 'inbound', audit, writesAllowed })
  const outboundRecord = createRecord({ direction: 'outbound', audit, writesAllowed })
  const newDecision = createDecisionIds()
  const random = createRandomBits()
  const { maxPolicyAgeMs = defaultMaxPolicyAgeMs, handleLingerMs } = options
  const state = createPolicyState({ ageMs: () => source.ageMs(), maxAgeMs: maxPolicyAgeMs })
  const handles = createHandles({
    fill: (target) => random.fill(target),
    nowMs: () => performance.now(),
    ...(handleLingerMs === undefined ? {} : { lingerMs: handleLingerMs }),
  })
  const tokens = createTokens({ ask: options.ask, log })
  const own = createOwnListeners()
  const services = createServiceAddresses({ path: options.serviceAddressesFile, log })
  const destinations = createDestinations({ services, own, resolve: createResolve() })
  const counts: OutboundCounts = { ownCredential: 0, tokensKept: 0, unmatched: 0 }
  const nowSeconds = (): number => Date.now() / 1_000
  const proxies: ProxyServer[] = []
  const servers: Server[] = []
  let isOpen = false

  const proxy = (
    handler: Handler,
    record: DecisionRecord,
    { mode, name }: { readonly mode: 'reverse' | 'forward-proxy'; readonly name: string },
  ): Server => {
    const made = createProxyServer({
      handler,
      mode,
      listener: name,
      log,
      newDecision,
      onRefusal: (refusal, decision, { listener }) => {
        record.refused(refusal, { decision, method: '', listener })
      },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    })
    proxies.push(made)
    return made.server
  }
  const outbound = (name: string, route?: string): Server => {
    const handler = createOutbound({
      state,
      handles,
      tokens,
      destinations,
      record: outboundRecord,
      counts,
      newDecision,
      nowSeconds,
      ...(route === undefined ? {} : { route }),
    })
    return proxy(handler, outboundRecord, {
      mode: route === undefined ? 'forward-proxy' : 'reverse',
      name,
    })
  }

  const openInbound = async ({ listen: address, app }: Listeners['inbound'][number]) => {
    const at = { port: address.port }
    const name = `inbound ${address.port}`
    const common = { state, handles, newDecision, random, nowSeconds, app }
    const handler = createInbound({ ...common, record: inboundRecord, port: () => at.port })
    const bound = await listen(
      proxy(handler, inboundRecord, { mode: 'reverse', name }),
      address,
      `${name} (--inbound)`,
    )
    at.port = bound.port
    return bound
  }
  const openOutbound = async (address: Address, name: string, route?: string) => {
    const flag = route === undefined ? '--outbound-address' : '--route-ports'
    const bound = await listen(outbound(name, route), address, `${name} (${flag})`)
    own.add(bound)
    return bound
  }

  const isReady = (): boolean => isOpen && state.current() !== undefined
  const policy = (): PolicyView | undefined => {
    const sections = state.current()?.sections
    if (sections === undefined) return undefined
    return { ...source.view(), ageSeconds: Math.round(source.ageMs() / 1_000), sections }
  }
  const metrics = exposeMetrics({
    records: [inboundRecord, outboundRecord],
    counts,
    tokens,
    handles,
    state,
    ageMs: () => source.ageMs(),
    connected: () => source.view().connected,
    stats: () => proxies.map(({ stats }) => stats),
  })

  const openAll = async (): Promise<Ports> => {
    const server = createAdmin({
      isReady,
      notReady: 'no policy yet',
      metrics,
      pages: { '/policy': policy },
    })
    const admin = await listen(server, listeners.admin, 'the admin port (--admin-address)')
    servers.push(server)
    own.add(admin)
    const inbound: Address[] = []
    for (const entry of listeners.inbound) inbound.push(await openInbound(entry))
    const proxyAddress = listeners.outbound
    const out =
      proxyAddress === undefined ? undefined : await openOutbound(proxyAddress, 'outbound')
    const routes: Address[] = []
    for (const { listen: address, route } of listeners.routes) {
      routes.push(await openOutbound(address, `route ${route}`, route))
    }
    return { inbound, outbound: out, routes, admin }
  }
  const sweep = setInterval(() => handles.sweep(), sweepEveryMs).unref()

  const close = async (graceMs: number): Promise<void> => {
    isOpen = false
    await Promise.all(
      proxies.filter(({ server }) => server.listening).map((one) => one.drain(graceMs)),
    )
    // Readiness and metrics answer for as long as requests run.
    await Promise.all(servers.map((server) => drain(server, graceMs)))
    clearInterval(sweep)
  }

  return {
    state,
    async open() {
      try {
        const ports = await openAll()
        isOpen = true
        return ports
      } catch (error) {
        await close(0)
        throw error
      }
    },
    close,
  }
}

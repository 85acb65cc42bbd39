import type { Server } from 'node:net'
import { createAdmin } from '../http/admin.ts'
import { drain } from '../http/listen.ts'
import type { Address } from '../http/address.ts'
import type { IssuedToken } from '../token/exchange.ts'
import type { WorkloadPolicy } from '../policy/workload-policy.ts'
import { Refusal } from '../refusal/refusal.ts'
import { createAudit } from '../telemetry/audit.ts'
import type { Log, Write } from '../telemetry/log.ts'
import { renderAnswer } from './answers.ts'
import type { Wanted } from './authority-client.ts'
import { createDecisionIds } from './decision-ids.ts'
import { createDestinations } from './destinations.ts'
import { exposeMetrics } from './expose.ts'
import { createProxyServer, type ProxyServer } from './forward/engine.ts'
import { createHandles } from './handles.ts'
import { defaultLimits, type Limits } from './forward/limits.ts'
import type { Front, Handler } from './forward/verdict.ts'
import { createInbound } from './inbound.ts'
import { startBypassCheck, type BypassCheck } from './intercept/bypass.ts'
import type { FrontCounts } from './intercept/inbound-front.ts'
import { createConnectFront } from './intercept/connect-front.ts'
import { createInterception } from './intercept/interception.ts'
import { createPodAddresses } from './intercept/pod-addresses.ts'
import { createSniffing } from './intercept/sniffing.ts'
import type { SelfCheck } from './intercept/self-check.ts'
import { createOutbound, type OutboundCounts, type Unmatched } from './outbound.ts'
import { createOwnListeners } from './own-listeners.ts'
import { createPolicyState, type PolicyState } from './policy-state.ts'
import type { Probes } from './probes/probe.ts'
import { createProbeServer } from './probes/server.ts'
import { createRandomBits } from './random.ts'
import { createRecord, type DecisionRecord } from './record.ts'
import { createResolve } from './resolve.ts'
import type { Listeners, Ports } from './listeners.ts'
import { createMetricsServer } from './metrics-server.ts'
import { openListeners, type InboundListening, type OutboundListening } from './open-listeners.ts'
import type { PreparedRoute } from './routes.ts'
import { createServiceAddresses } from './service-addresses.ts'
import { createTokens } from './tokens.ts'

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
  /** What becomes of HTTP to a destination that no policy names; default `pass`. */
  readonly unmatched?: Unmatched
  /** What the kubelet asks at the probe port. */
  readonly probes?: Probes | undefined
  /** Where nothing is redirected: ports at which the app must not answer on the pod's address. */
  readonly appPorts?: readonly number[]
  /** At other ports of those than before the app answers past its sidecar. */
  readonly onBypass?: (ports: readonly number[]) => void
  /** Where audit lines go; default standard output. */
  readonly write?: Write
}

/** What `GET /policy` of the admin port shows. No section of a sidecar holds a secret. */
interface PolicyView {
  readonly connected: boolean
  readonly ageSeconds: number
  readonly revision: unknown
  readonly hashes: Readonly<Record<string, string>>
  /** Addresses at which the app answers past its sidecar. */
  readonly bypass: readonly string[]
  readonly sections: WorkloadPolicy
}

export interface Sidecar {
  readonly state: PolicyState
  /** Opens every listener, or none. Throws ListenError. */
  open(): Promise<Ports>
  /** Once it is open: ends when the connections of the pod are redirected, or late. */
  untilRedirected(): Promise<void>
  /** Lets what runs end for `graceMs`, then breaks it. */
  close(graceMs: number): Promise<void>
}

const defaultMaxPolicyAgeMs = 3_600_000
const sweepEveryMs = 5_000

interface Listening {
  readonly mode: 'reverse' | 'forward-proxy'
  readonly name: string
  readonly front?: Front | undefined
}

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
  const { redirected } = listeners
  const pod = redirected?.pod ?? createPodAddresses()
  // Only there do the rules lead a call of the pod to itself by its way in.
  const isOfPod = (host: string): boolean => redirected !== undefined && pod.includes(host)
  const resolve = createResolve()
  const destinations = createDestinations({ services, own, resolve, isOfPod })
  const counts: OutboundCounts = { ownCredential: 0, tokensKept: 0, unmatched: 0 }
  const frontCounts: FrontCounts = { strayed: 0, appTls: 0, spliced: 0 }
  const nowSeconds = (): number => Date.now() / 1_000
  const proxies: ProxyServer[] = []
  const servers: Server[] = []
  let isOpen = false
  let wasReady = false
  let selfCheck: SelfCheck | undefined
  let bypass: BypassCheck | undefined

  const proxy = (
    handler: Handler,
    record: DecisionRecord,
    { mode, name, front }: Listening,
  ): Server => {
    const made = createProxyServer({
      handler,
      mode,
      listener: name,
      log,
      newDecision,
      front,
      onRefusal: (refusal, decision, { listener }) => {
        record.refused(refusal, { decision, method: '', listener })
      },
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    })
    proxies.push(made)
    return made.server
  }
  const outbound = (name: string, { route, front }: OutboundListening): Server => {
    const handler = createOutbound({
      state,
      handles,
      tokens,
      destinations,
      record: outboundRecord,
      counts,
      newDecision,
      nowSeconds,
      unmatched: options.unmatched ?? 'pass',
      isOfPod,
      ...(route === undefined ? {} : { route }),
    })
    return proxy(handler, outboundRecord, {
      mode: route === undefined && redirected === undefined ? 'forward-proxy' : 'reverse',
      name,
      front,
    })
  }
  const inbound = (name: string, { at, front }: InboundListening): Server => {
    const common = { state, handles, newDecision, random, nowSeconds }
    const handler = createInbound({ ...common, record: inboundRecord, at })
    return proxy(handler, inboundRecord, { mode: 'reverse', name, front })
  }

  const limits = { ...defaultLimits, ...options.limits }
  const routesTo = ({ host, port }: Address): readonly PreparedRoute[] =>
    state.current()?.routes.find(host, port) ?? []
  const sniffing = createSniffing({
    isMatched: (destination) => routesTo(destination).length > 0,
    dialOf: (destination) => destinations.ofConnection(routesTo(destination)[0], destination),
    counts: frontCounts,
    log,
    headMs: limits.headMs,
  })
  const interception =
    redirected === undefined
      ? undefined
      : createInterception({ ...redirected, sniffing, counts: frontCounts, log })
  const connectFront = (): Front =>
    createConnectFront({
      sniffing,
      admit: (destination) => {
        state.judging()
        const isDenied = options.unmatched === 'deny' && routesTo(destination).length === 0
        if (isDenied) throw new Refusal('unmatched_denied')
      },
      refuse: (socket, refusal) => {
        const decision = newDecision()
        outboundRecord.refused(refusal, { decision, method: 'CONNECT', listener: 'outbound' })
        socket.end(renderAnswer({ refusal, decision, close: true }))
      },
      limits,
    })

  const problem = (): string | undefined => {
    if (!isOpen) return 'its listeners are not open'
    return selfCheck?.problem() ?? (state.current() === undefined ? 'no policy yet' : undefined)
  }
  const isReady = (): boolean => {
    const ready = problem() === undefined
    wasReady ||= ready
    return ready
  }
  const policy = (): PolicyView | undefined => {
    const sections = state.current()?.sections
    if (sections === undefined) return undefined
    return {
      ...source.view(),
      ageSeconds: Math.round(source.ageMs() / 1_000),
      bypass: bypass?.open() ?? [],
      sections,
    }
  }
  const metrics = exposeMetrics({
    records: [inboundRecord, outboundRecord],
    counts,
    frontCounts,
    bypasses: () => bypass?.open().length ?? 0,
    isIntercepting: () => selfCheck === undefined || selfCheck.problem() === undefined,
    tokens,
    handles,
    state,
    ageMs: () => source.ageMs(),
    connected: () => source.view().connected,
    stats: () => proxies.map(({ stats }) => stats),
  })

  const kept = (server: Server): Server => {
    servers.push(server)
    return server
  }
  const openAll = (): Promise<Ports> =>
    openListeners(listeners, {
      own,
      interception,
      servers: {
        inbound,
        outbound,
        connectFront,
        admin: () => {
          const pages = { '/policy': policy }
          const notReady = (): string => problem() ?? 'no policy yet'
          return kept(createAdmin({ isReady, notReady, metrics, pages }))
        },
        probes: () =>
          kept(
            createProbeServer({
              // Once: from then on the app runs, and what goes wrong makes the pod not ready.
              isStarted: () => isReady() || wasReady,
              isReady,
              probes: options.probes ?? new Map(),
              addressOf: (host, port) =>
                listeners.inbound.find(({ listen, app }) => [listen.port, app.port].includes(port))
                  ?.app ?? { host, port },
            }),
          ),
        metrics: () => kept(createMetricsServer(metrics)),
      },
    })
  const sweep = setInterval(() => handles.sweep(), sweepEveryMs).unref()

  const close = async (graceMs: number): Promise<void> => {
    isOpen = false
    selfCheck?.close()
    bypass?.close()
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
        selfCheck = interception?.startCheck()
        const { appPorts = [], onBypass = () => undefined } = options
        bypass = startBypassCheck({ pod, ports: appPorts, log, onChange: onBypass })
        return ports
      } catch (error) {
        await close(0)
        throw error
      }
    },
    async untilRedirected() {
      await selfCheck?.begun
    },
    close,
  }
}

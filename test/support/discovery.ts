/** Generations, tokens and a real discovery server on loopback, for tests that need a controller's end. */
import { createDiscoveryServer } from '../../pkg/discovery/serve.ts'
import { createIndex, type Generation, type Index } from '../../pkg/discovery/index.ts'
import { listen } from '../../pkg/http/listen.ts'
import { issueRoot, issueServing, type Issued } from '../../pkg/pki/issue.ts'
import type { WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { createMetrics, type Metrics } from '../../pkg/telemetry/metrics.ts'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import { signServiceAccount } from '../../pkg/token/service-account.ts'

const issuer = 'https://tokenward.local/serviceaccounts'
const issuerKey = generateSigningKey()
const issuerKeys = [issuerKey.publicJwk]
const root = issueRoot()

/** Who signs the tokens of pods, as the section `trust` says it. */
export const serviceAccounts = { issuer, keys: issuerKeys }

export const nowSeconds = (): number => Math.floor(Date.now() / 1000)

/** The one root of these servers. */
export const ca = (): string => root.certificate

/** A pod's discovery token; `change` is what is odd about it. */
export function podToken(pod: string, change: Readonly<Record<string, unknown>> = {}): string {
  const facts = {
    namespace: 'shop',
    serviceAccount: 'orders',
    serviceAccountUid: 'sa-orders',
    pod,
    podUid: `uid-${pod}`,
    issuedAtSeconds: nowSeconds(),
    expiresAtSeconds: nowSeconds() + 600,
    issuer,
    audience: 'tokenward:discovery',
  }
  return signServiceAccount({ ...facts, ...change }, issuerKey)
}

export const authorityFacts = {
  namespace: 'tokenward-system',
  serviceAccount: 'tokenward-authority',
  serviceAccountUid: 'sa-authority',
}

/** A policy whose routes have these addresses. */
export function policyOf(addresses: Readonly<Record<string, string>>): WorkloadPolicy {
  const rows = Object.entries(addresses).map(
    ([id, address]) => [id, { clusterIPs: [address], endpoints: [] }] as const,
  )
  return {
    rules: { ports: {}, audiences: [], issuerAudiences: {} },
    routes: { routes: [] },
    addresses: Object.fromEntries(rows),
    keys: { issuer: 'https://authority', keys: [] },
    issuers: { issuers: [] },
    trust: { bundle: root.certificate },
  }
}

/** A generation with these pods of one service account, and the authority's. */
export function generationOf(
  version: number,
  pods: Readonly<Record<string, WorkloadPolicy>>,
  epoch = 1,
): Generation {
  const facts = {
    namespace: 'shop',
    serviceAccount: 'orders',
    serviceAccountUid: 'sa-orders',
  }
  const { keys, issuers, trust } = policyOf({})
  return {
    revision: { epoch, versions: { Pod: version, AccessPolicy: version } },
    pods: new Map([
      ...Object.keys(pods).map((pod) => [`uid-${pod}`, { ...facts, pod }] as const),
      ['uid-authority', { ...authorityFacts, pod: 'authority' }] as const,
    ]),
    sidecars: new Map(Object.entries(pods).map(([pod, policy]) => [`uid-${pod}`, policy])),
    authority: { edges: { edges: [], audiences: [] }, workloads: {}, keys, issuers, trust },
  }
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly index: Index
  readonly metrics: Metrics
}

/** A serving certificate of that root, for loopback. */
export function servingCertificate(): Issued {
  return issueServing({ root, dnsNames: [], ipAddresses: ['127.0.0.1'] })
}

/** A server with an index of its own; on a given port it is the same server, restarted. */
export async function startDiscovery(
  options: {
    readonly port?: number
    readonly random?: () => number
  } = {},
): Promise<TestServer> {
  const index = createIndex({ monotonicMs: () => performance.now() })
  const metrics = createMetrics()
  const discovery = createDiscoveryServer({
    index,
    ...servingCertificate(),
    serviceAccounts: () => ({ issuer, keys: issuerKeys }),
    authority: authorityFacts,
    nowSeconds,
    random: options.random ?? Math.random,
    log: quietLog(),
    metrics,
  })
  const { port } = await listen(discovery.server, { host: '127.0.0.1', port: options.port ?? 0 })
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    index,
    metrics,
    [Symbol.asyncDispose]: () => discovery.close(),
  }
}

export function quietLog(lines: string[] = []): ReturnType<typeof createLog> {
  return createLog({ name: 'test', level: 'debug', write: (line) => lines.push(line) })
}

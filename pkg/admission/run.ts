import https from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { formatAddress, type Address } from '../http/address.ts'
import { createAdmin } from '../http/admin.ts'
import { connectionsWithin } from '../http/connections.ts'
import { drain, listen } from '../http/listen.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { followCertificate, type ServingFiles } from './certificate.ts'
import { createHandler } from './handle.ts'
import type { InjectConfig, Interception, SidecarLogLevel } from './inject/config.ts'
import type { Quantity } from './inject/quantity.ts'
import { createMutate, type Namespaces } from './mutate.ts'
import { validate } from './validate.ts'
import { warm } from './warm.ts'

const graceMs = 5000
const adminGraceMs = 1000

export interface WebhookSettings {
  readonly listenAddress: Address
  readonly adminAddress: Address
  readonly tlsFolder: string
  /** Of the control plane. */
  readonly namespace: string
  readonly image: string
  readonly imagePullPolicy: string
  readonly controllers: readonly string[]
  readonly authority: string
  readonly interception: Interception
  readonly sidecarCpuRequest: Quantity
  readonly sidecarCpuLimit: Quantity | undefined
  readonly sidecarMemoryRequest: Quantity
  readonly sidecarMemoryLimit: Quantity
  readonly sidecarLogLevel: SidecarLogLevel
}

/** What the process brings from rooms that this one does not know. */
export interface WebhookParts {
  readonly log: Log
  /** Of the product. */
  readonly version: string
  readonly namespaces: Namespaces & {
    /** Why not all of them are known; undefined once they are. */
    problem(): string | undefined
  }
  /** Throws where files cannot serve; gives the end of their validity. */
  readonly checkFiles: (files: ServingFiles) => Date
  /** Adds the numbers of what it brings. */
  readonly measure: (metrics: Metrics) => void
  /** How often the certificate's folder is looked at; default 5 s. */
  readonly lookEveryMs?: number
}

export interface Webhook {
  /** Where it listens, `https://host:port`. */
  readonly url: string
  readonly adminUrl: string
  close(): Promise<void>
}

/**
 * Starts a webhook. It listens at once and is ready when it has a certificate that is valid and knows the
 * namespaces: what comes later is waited for. Rejects with ListenError, then with nothing left open.
 */
export async function run(settings: WebhookSettings, parts: WebhookParts): Promise<Webhook> {
  const { log, namespaces } = parts
  const metrics = createMetrics()
  parts.measure(metrics)
  const answers = metrics.counter(
    'tokenward_webhook_answers_total',
    'Answers to the API server, by path, outcome and reason.',
    ['path', 'outcome', 'reason'],
  )
  const duration = metrics.histogram({
    name: 'tokenward_webhook_duration_seconds',
    help: 'From the head of a question to its answer.',
    labels: ['path'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
  })
  const config = (): InjectConfig => {
    const caBundle = certificate.current()?.caBundle
    if (caBundle === undefined) throw new Error('asked before there was a certificate')
    return configOf(settings, parts.version, caBundle)
  }
  const server = https.createServer(
    {
      minVersion: 'TLSv1.2',
      // Longer than the API server keeps an idle connection (90 s), so that it is the one who closes.
      keepAliveTimeout: 100_000,
      handshakeTimeout: 10_000,
      headersTimeout: 15_000,
      requestTimeout: 15_000,
    },
    createHandler({
      judges: { '/mutate': createMutate({ namespaces, config }), '/validate': validate },
      log,
      onAnswer(path, { outcome, reason }, seconds) {
        answers.inc({ path, outcome, reason })
        duration.observe({ path }, seconds)
      },
    }),
  )
  server.maxConnections = connectionsWithin()
  const certificate = await followCertificate({
    folder: settings.tlsFolder,
    check: parts.checkFiles,
    onChange: (files) => server.setSecureContext(contextOf(files)),
    log,
    ...(parts.lookEveryMs === undefined ? {} : { everyMs: parts.lookEveryMs }),
  })
  metrics.gauge({
    name: 'tokenward_webhook_certificate_ends_seconds',
    help: 'When the certificate that is served ends, in seconds since 1970; 0 without one.',
    collect: (gauge) => gauge.set((certificate.endsAt()?.getTime() ?? 0) / 1000),
  })
  warm(configOf(settings, parts.version, ''))
  let isClosing = false
  const notReady = (): string | undefined => {
    const endsAt = certificate.endsAt()
    if (isClosing) return 'it is being stopped'
    if (endsAt === undefined) return certificate.problem() ?? 'there is no certificate yet'
    if (endsAt.getTime() <= Date.now()) return `its certificate ended at ${endsAt.toISOString()}`
    return namespaces.problem()
  }
  const admin = createAdmin({
    isReady: () => notReady() === undefined,
    notReady: () => notReady() ?? 'it has just become ready',
    metrics,
  })
  try {
    const at = await listen(server, settings.listenAddress, 'the webhook (--listen-address)')
    const adminAt = await listen(admin, settings.adminAddress, 'the admin port (--admin-address)')
    const url = `https://${formatAddress(at)}`
    log.info({ url }, 'serves')
    return {
      url,
      adminUrl: `http://${formatAddress(adminAt)}`,
      async close() {
        isClosing = true
        certificate.close()
        await drain(server, graceMs)
        await drain(admin, adminGraceMs)
      },
    }
  } catch (error) {
    certificate.close()
    await drain(server, 0)
    throw error
  }
}

function contextOf({ certificate, privateKey }: ServingFiles): SecureContextOptions {
  return { cert: certificate, key: privateKey, minVersion: 'TLSv1.2' }
}

function configOf(settings: WebhookSettings, version: string, caBundle: string): InjectConfig {
  const { namespace, image, imagePullPolicy, controllers, authority, interception } = settings
  return {
    version,
    namespace,
    image,
    imagePullPolicy,
    controllers,
    authority,
    caBundle,
    interception,
    resources: {
      cpuRequest: settings.sidecarCpuRequest,
      cpuLimit: settings.sidecarCpuLimit,
      memoryRequest: settings.sidecarMemoryRequest,
      memoryLimit: settings.sidecarMemoryLimit,
    },
    logLevel: settings.sidecarLogLevel,
  }
}

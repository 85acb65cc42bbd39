/** A webhook on loopback with a certificate in a folder, and questions as an API server asks them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ServingFiles } from '../../pkg/admission/certificate.ts'
import type { NamespaceFacts } from '../../pkg/admission/inject/config.ts'
import type { Json } from '../../pkg/admission/json.ts'
import type { Operation } from '../../pkg/admission/patch.ts'
import { run, type Webhook, type WebhookParts } from '../../pkg/admission/run.ts'
import { measureReflectors } from '../../pkg/kube/measure.ts'
import { issueRoot, issueServing, type Issued } from '../../pkg/pki/issue.ts'
import { checkServing, readCertificate } from '../../pkg/pki/read.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { injectConfig } from './pods.ts'

const root = issueRoot({ commonName: 'webhook root' })

/** Certificate and key for loopback, of the root that `webhookRoot` gives. */
export function webhookCertificate(days = 90): Issued {
  return issueServing({ root, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], days })
}

export const webhookRoot = (): string => root.certificate

export interface TestWebhook extends AsyncDisposable {
  readonly webhook: Webhook
  /** Lines of its log. */
  readonly logged: string[]
  /** Writes into its TLS folder. */
  write(files: Partial<Record<'tls.crt' | 'tls.key' | 'ca.crt', string>>): void
  ask(question: Question): Promise<Answer>
}

export interface Question {
  /** Default `/mutate`. */
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export interface Answer {
  readonly status: number
  readonly text: string
}

/** An AdmissionReview about an object that is made. */
export function reviewOf(object: Json, change: Readonly<Record<string, unknown>> = {}): string {
  const isPod = object['kind'] === 'Pod'
  const request = {
    uid: 'uid-1',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: isPod
      ? { group: '', version: 'v1', resource: 'pods' }
      : { group: 'tokenward.dev', version: 'v1alpha1', resource: 'accesspolicies' },
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
    object,
    oldObject: null,
    dryRun: false,
    ...change,
  }
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request })
}

/** What an answer says. */
export function responseOf({ text }: Answer): {
  readonly uid: string
  readonly allowed: boolean
  readonly status?: { readonly code: number; readonly message: string }
  readonly operations: readonly Operation[]
  readonly warnings: readonly string[]
} {
  const { response } = JSON.parse(text) as { response: Record<string, unknown> }
  const { patch, warnings = [] } = response
  const operations: unknown =
    typeof patch === 'string' ? JSON.parse(Buffer.from(patch, 'base64').toString()) : []
  return { ...response, operations, warnings } as never
}

export function startNamespaces(
  known: readonly NamespaceFacts[],
  live: readonly NamespaceFacts[] = known,
): WebhookParts['namespaces'] & { readonly fetched: string[] } {
  const fetched: string[] = []
  return {
    fetched,
    get: (name) => known.find((each) => each.name === name),
    fetch(name) {
      fetched.push(name)
      return Promise.resolve(live.find((each) => each.name === name))
    },
    problem: () => undefined,
  }
}

/** A webhook as cmd/webhook starts it, but for where its namespaces come from. */
export async function startWebhook(
  namespaces: WebhookParts['namespaces'],
  options: { readonly hasCertificate?: boolean; readonly port?: number } = {},
): Promise<TestWebhook> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-webhook-'))
  const write: TestWebhook['write'] = (files) => {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
  }
  const { certificate, privateKey } = webhookCertificate()
  if (options.hasCertificate ?? true) {
    write({ 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': root.certificate })
  }
  const logged: string[] = []
  const log = createLog({ name: 'webhook', level: 'debug', write: (line) => logged.push(line) })
  const { version, resources, logLevel, ...config } = injectConfig
  const loopback = { host: '127.0.0.1', port: 0 }
  const webhook = await run(
    {
      ...config,
      listenAddress: { ...loopback, port: options.port ?? 0 },
      adminAddress: loopback,
      tlsFolder: folder,
      sidecarCpuRequest: resources.cpuRequest,
      sidecarCpuLimit: resources.cpuLimit,
      sidecarMemoryRequest: resources.memoryRequest,
      sidecarMemoryLimit: resources.memoryLimit,
      sidecarLogLevel: logLevel,
    },
    {
      log,
      version,
      namespaces,
      checkFiles,
      measure: (metrics) => measureReflectors(metrics, () => []),
      lookEveryMs: 20,
    },
  )
  const agent = new https.Agent({ keepAlive: true, ca: root.certificate })
  return {
    webhook,
    logged,
    write,
    ask: (question) => ask(webhook.url, agent, question),
    async [Symbol.asyncDispose]() {
      agent.destroy()
      await webhook.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** As cmd/webhook does. */
function checkFiles({ certificate, privateKey, caBundle }: ServingFiles): Date {
  readCertificate(caBundle, 'the roots (ca.crt)')
  return checkServing({ certificate, privateKey, now: new Date() }).notAfter
}

function ask(url: string, agent: https.Agent, question: Question): Promise<Answer> {
  const { path: to = '/mutate', method = 'POST', headers, body } = question
  return new Promise((resolve, reject) => {
    const request = https.request(`${url}${to}`, {
      agent,
      method,
      headers: { 'content-type': 'application/json', ...headers },
    })
    request.on('error', reject)
    request.on('response', (response) => {
      let text = ''
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    request.end(method === 'GET' ? undefined : body)
  })
}

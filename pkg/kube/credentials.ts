import { X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Agent, RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'

/** Where kubelet mounts a pod's own token. */
const mountedToken = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** What one request needs to be ours: address, headers, certificates. */
export interface Access {
  readonly server: URL
  readonly options: RequestOptions
  /** Of a cluster behind a proxy; absent: connections are ours to make. */
  readonly agent?: Agent
  /** When our own client certificate ends, where one is used. */
  readonly certificateEnds?: Date
}

export interface Credentials {
  /** The API server's address. */
  readonly server: string
  /** Read afresh: rotated tokens and certificates are used from the next request on. */
  access(): Promise<Access>
  /** They were not accepted: whatever is remembered of them is read again. */
  forget(): void
}

/**
 * From a kubeconfig file, else what a pod is given, else the kubeconfig that kubectl would take. Throws
 * an Error with words for the operator where there are none or they cannot be read.
 */
export function readCredentials(kubeconfig: string | undefined): Credentials {
  let config: KubeConfig | undefined = load(kubeconfig)
  const server = addressOf(config)
  return {
    server: server.href.replace(/\/$/, ''),
    async access() {
      const current = (config ??= load(kubeconfig))
      const options: RequestOptions = {}
      await current.applyToHTTPSOptions(options)
      const { agent, ...rest } = options
      const headers = Object.entries((options.headers ?? {}) as Record<string, string>)
      // A token's file may end with a line break, which no header may have.
      rest.headers = Object.fromEntries(headers.map(([name, value]) => [name, value.trim()]))
      const isProxied = current.getCurrentCluster()?.proxyUrl !== undefined
      const certificateEnds = endOf(options.cert)
      return {
        server: addressOf(current),
        options: rest,
        ...(isProxied ? { agent: agent as Agent } : {}),
        ...(certificateEnds === undefined ? {} : { certificateEnds }),
      }
    },
    forget() {
      config = undefined
    },
  }
}

function load(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig()
  try {
    if (kubeconfig !== undefined) config.loadFromFile(kubeconfig)
    else if (existsSync(mountedToken)) config.loadFromCluster()
    else config.loadFromDefault()
  } catch (error) {
    const from = kubeconfig ?? 'the default kubeconfig'
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no kubeconfig'
    throw new Error(`cannot read the cluster's credentials from ${from} (${code})`)
  }
  return config
}

function addressOf(config: KubeConfig): URL {
  const address = config.getCurrentCluster()?.server ?? ''
  const server = URL.canParse(address) ? new URL(address) : undefined
  if (server === undefined || server.hostname === 'undefined') {
    throw new Error('there are no credentials of a cluster: neither a kubeconfig nor a pod of one')
  }
  if (server.protocol !== 'https:') {
    throw new Error(`the API server's address ${server.origin} is not https`)
  }
  return server
}

function endOf(certificate: unknown): Date | undefined {
  if (typeof certificate !== 'string' && !Buffer.isBuffer(certificate)) return undefined
  try {
    return new X509Certificate(certificate).validToDate
  } catch {
    return undefined
  }
}

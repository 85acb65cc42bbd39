/** A scripted API server on loopback, and a client of it. */
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { startApiProxy, type ApiProxy, type Order, type Seen } from './api-proxy.ts'
import { writeKubeconfig, type KubeconfigFile } from './kubeconfig.ts'

export const token = 'a-token-that-no-line-may-show'

export interface StubApi extends AsyncDisposable {
  readonly api: ApiProxy
  readonly client: KubeClient
  readonly kubeconfig: KubeconfigFile
  /** What was logged, a line each. */
  readonly logged: string[]
  readonly log: ReturnType<typeof createLog>
}

/** Answers each request as `decide` says. */
export async function startStubApi(
  decide: (seen: Seen) => Order,
  options: { readonly days?: number; readonly now?: Date } = {},
): Promise<StubApi> {
  const api = await startApiProxy(options)
  api.order(decide)
  const kubeconfig = writeKubeconfig({ url: api.url, ca: api.ca, token })
  const logged: string[] = []
  const log = createLog({ name: 'test', level: 'debug', write: (line) => logged.push(line) })
  const client = openKubeClient({ kubeconfig: kubeconfig.path, log })
  return {
    api,
    client,
    kubeconfig,
    logged,
    log,
    async [Symbol.asyncDispose]() {
      client.close()
      await api.close()
      kubeconfig[Symbol.dispose]()
    },
  }
}

/** A list with these objects, as the API server answers one page. */
export function listOf(
  resourceVersion: number,
  items: readonly object[],
  more?: string,
): { readonly status: 200; readonly body: object } {
  const metadata = { resourceVersion: String(resourceVersion), ...(more ? { continue: more } : {}) }
  return { status: 200, body: { kind: 'PodList', apiVersion: 'v1', metadata, items } }
}

/** A pod as one. */
export function podOf(name: string, resourceVersion: number, more: object = {}): object {
  const metadata = {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    resourceVersion: String(resourceVersion),
    managedFields: [{ manager: 'somebody' }],
  }
  return { metadata, ...more }
}

/** A line of a watch. */
export function eventOf(type: string, object: object): string {
  return JSON.stringify({ type, object: { kind: 'Pod', apiVersion: 'v1', ...object } })
}

/** A bookmark. */
export function bookmarkOf(resourceVersion: number): string {
  return eventOf('BOOKMARK', { metadata: { resourceVersion: String(resourceVersion) } })
}

/** metav1.Status. */
export function statusOf(code: number, reason: string, message = reason, details = {}): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message, details }
}

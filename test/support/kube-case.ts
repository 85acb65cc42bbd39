/** What tests against a real API server share: a client through two proxies, and objects to watch. */
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { createReflector, type Reflector, type ReflectorOptions } from '../../pkg/kube/reflector.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { startApiProxy, type ApiProxy } from './api-proxy.ts'
import type { ApiServer } from './api-server.ts'
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts'
import { writeKubeconfig } from './kubeconfig.ts'

export interface KubeCase extends AsyncDisposable {
  /** Straight to the server. */
  readonly admin: KubeClient
  /** Through `api`, which speaks HTTPS, and before it `tcp`, which knows bytes only. */
  readonly client: KubeClient
  readonly api: ApiProxy
  readonly tcp: FaultProxy
  readonly logged: string[]
  readonly log: ReturnType<typeof createLog>
  /** A reflector by `client` of the ConfigMaps of this case, by their `data.value`. */
  follow(options?: Partial<ReflectorOptions<string>>): Reflector<string>
  put(name: string, value: string): Promise<void>
  remove(name: string): Promise<void>
}

/** In a namespace of its own. */
export async function startKubeCase(server: ApiServer, namespace: string): Promise<KubeCase> {
  const logged: string[] = []
  const log = createLog({ name: 'test', level: 'debug', write: (line) => logged.push(line) })
  const admin = openKubeClient({ kubeconfig: server.kubeconfig, log })
  const api = await startApiProxy({ upstream: { url: server.url, ca: server.ca } })
  const tcp = await startFaultProxy({ host: '127.0.0.1', port: api.port })
  const kubeconfig = writeKubeconfig({
    url: `https://127.0.0.1:${tcp.port}`,
    ca: api.ca,
    token: server.token,
  })
  const client = openKubeClient({ kubeconfig: kubeconfig.path, log })
  const reflectors: Reflector<string>[] = []
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  await admin.request({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: { metadata: { name: namespace } },
  })
  return {
    admin,
    client,
    api,
    tcp,
    logged,
    log,
    follow(options = {}) {
      const reflector = createReflector<string>({
        client,
        path,
        transform: (object) => (object['data'] as { value?: string } | undefined)?.value,
        onChange: () => undefined,
        log,
        ...options,
        timing: { firstBackoffMs: 50, longestBackoffMs: 200, ...options.timing },
      })
      reflectors.push(reflector)
      reflector.start()
      return reflector
    },
    async put(name, value) {
      await admin.request({
        method: 'PATCH',
        path: `${path}/${name}`,
        query: { fieldManager: 'test', force: true },
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } },
      })
    },
    async remove(name) {
      await admin.request({ method: 'DELETE', path: `${path}/${name}` })
    },
    async [Symbol.asyncDispose]() {
      for (const reflector of reflectors) reflector.close()
      client.close()
      admin.close()
      await tcp.close()
      await api.close()
      kubeconfig[Symbol.dispose]()
    },
  }
}

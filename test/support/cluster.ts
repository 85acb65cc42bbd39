/** A cluster for tests of the controller: a real API server, what is put there, and replicas in this process. */
import { readFileSync } from 'node:fs'
import { parseYaml } from '../../pkg/config/yaml.ts'
import { runInCluster, type ClusterController } from '../../pkg/controller/run-in-cluster.ts'
import { subscribe, type Subscription } from '../../pkg/discovery/subscribe.ts'
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { KubeError } from '../../pkg/kube/kube-error.ts'
import type { KubeObject } from '../../pkg/kube/objects.ts'
import type { WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import { startApiServer, clusterBinaries, type ApiServer } from './api-server.ts'
import { quietLog } from './discovery.ts'
import { until } from './until.ts'

export const systemNamespace = 'tokenward-system'
const tokenward = '/apis/tokenward.dev/v1alpha1'

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly observedGeneration: number
  readonly lastTransitionTime: string
}

export interface Cluster extends AsyncDisposable {
  readonly server: ApiServer
  readonly client: KubeClient
  get<T = KubeObject>(path: string): Promise<T | undefined>
  create(path: string, object: object): Promise<KubeObject>
  /** A merge patch. */
  patch(path: string, patch: object): Promise<KubeObject>
  remove(path: string): Promise<void>
  installCrd(name: 'accesspolicy' | 'trustedissuer'): Promise<void>
  /** Account, Service and a running pod of one name; the pod has a sidecar unless told otherwise. */
  addWorkload(namespace: string, name: string, address: string, isBare?: boolean): Promise<void>
  /** `from` may call `to` with these methods. */
  putPolicy(to: string, from: string, methods?: readonly string[]): Promise<void>
  /** Notes of the Events about that object. */
  notes(namespace: string, kind: string, name: string): Promise<readonly string[]>
  /** `True Accepted: message` of a policy of namespace shop. */
  condition(policy: string, type: string): Promise<string | undefined>
  conditions(policy: string): Promise<readonly Condition[]>
  /** A replica, ready where that is waited for. */
  replica(options?: Replica): Promise<ClusterController>
  /** A sidecar's subscription; `other` is tried as well. */
  follow(controller: ClusterController, name: string, other?: ClusterController): Promise<Follower>
}

interface Replica {
  readonly lines?: string[]
  readonly kubeconfig?: string
  readonly isReady?: boolean
}

export interface Follower {
  readonly subscription: Subscription
  latest(): WorkloadPolicy | undefined
}

const subscriptions: Subscription[] = []

/** For `afterEach`: a pod has one stream, and two sidecars of one would take it from each other. */
export function closeFollowers(): void {
  for (const subscription of subscriptions.splice(0)) subscription.close()
}

/** An API server with the namespaces `shop` and the control plane's, and no CRD yet. */
export async function startCluster(): Promise<Cluster> {
  const server = await startApiServer({ binaries: clusterBinaries() })
  const client = openKubeClient({ kubeconfig: server.kubeconfig, log: quietLog() })
  const closers: (() => Promise<void> | void)[] = [() => server.close(), () => client.close()]
  const create: Cluster['create'] = (path, body) => client.request({ method: 'POST', path, body })
  const get: Cluster['get'] = async <T>(path: string) =>
    client.request<T>({ method: 'GET', path }).catch((error: unknown) => {
      if (error instanceof KubeError && error.status === 404) return undefined
      throw error
    })
  const patch: Cluster['patch'] = (path, body) =>
    client.request({
      method: 'PATCH',
      path,
      body,
      contentType: 'application/merge-patch+json',
    })
  const conditions: Cluster['conditions'] = async (policy) => {
    const object = await get<{ readonly status?: { readonly conditions?: readonly Condition[] } }>(
      `${tokenward}/namespaces/shop/accesspolicies/${policy}`,
    )
    return object?.status?.conditions ?? []
  }
  for (const name of ['shop', systemNamespace]) {
    await create('/api/v1/namespaces', { metadata: { name } })
  }
  /** A projected token, as kubelet asks for it. */
  const tokenOf = async (namespace: string, name: string): Promise<string> => {
    const pod = await get(`/api/v1/namespaces/${namespace}/pods/${name}-0`)
    const { status } = (await create(
      `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {
          audiences: ['tokenward:discovery'],
          expirationSeconds: 3600,
          boundObjectRef: {
            apiVersion: 'v1',
            kind: 'Pod',
            name: `${name}-0`,
            uid: pod?.metadata.uid,
          },
        },
      },
    )) as unknown as { readonly status: { readonly token: string } }
    return status.token
  }

  return {
    server,
    client,
    get,
    create,
    patch,
    async remove(path) {
      await client.request({ method: 'DELETE', path })
    },
    async installCrd(name) {
      const text = readFileSync(new URL(`../../crds/${name}.yaml`, import.meta.url), 'utf8')
      const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
      const crd = await create(crds, parseYaml(text).documents[0]?.value as object)
      await until(`${name} is established`, async () => {
        const found = await get(`${crds}/${crd.metadata.name}`)
        const { conditions: list } = (found?.['status'] ?? {}) as {
          readonly conditions?: readonly { readonly type: string; readonly status: string }[] | null
        }
        return (
          list?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false
        )
      })
    },
    async addWorkload(namespace, name, address, isBare = false) {
      const labels = { app: name }
      const at = `/api/v1/namespaces/${namespace}`
      await create(`${at}/serviceaccounts`, { metadata: { name } })
      await create(`${at}/services`, {
        metadata: { name },
        spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
      })
      const redirect = { name: 'tokenward-redirect', image: 'sidecar' }
      const sidecar = { name: 'tokenward-sidecar', image: 'sidecar', restartPolicy: 'Always' }
      await create(`${at}/pods`, {
        metadata: { name: `${name}-0`, labels },
        spec: {
          serviceAccountName: name,
          automountServiceAccountToken: false,
          containers: [{ name: 'app', image: 'app' }],
          ...(isBare ? {} : { initContainers: [redirect, sidecar] }),
        },
      })
      await patch(`${at}/pods/${name}-0/status`, {
        status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
      })
    },
    async putPolicy(to, from, methods = ['GET']) {
      const policies = `${tokenward}/namespaces/shop/accesspolicies`
      const spec = {
        targetRefs: [{ group: '', kind: 'Service', name: to }],
        rules: [
          {
            name: `from-${from}`,
            from: [{ serviceAccount: { name: from } }],
            scopes: [`${to}:use`],
            operations: [{ methods, paths: ['/**'] }],
          },
        ],
      }
      const body = { apiVersion: 'tokenward.dev/v1alpha1', kind: 'AccessPolicy', spec }
      await client.request({
        method: 'PATCH',
        path: `${policies}/${to}`,
        query: { fieldManager: 'test', force: true },
        contentType: 'application/apply-patch+yaml',
        body: { ...body, metadata: { name: to } },
      })
    },
    conditions,
    async notes(namespace, kind, name) {
      const { items } = await client.request<{
        readonly items: readonly {
          readonly regarding: { readonly kind: string; readonly name: string }
          readonly reason: string
          readonly note: string
        }[]
      }>({ method: 'GET', path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events` })
      return items
        .filter(({ regarding }) => regarding.kind === kind && regarding.name === name)
        .map(({ reason, note }) => `${reason}: ${note}`)
    },
    async condition(policy, type) {
      const found = (await conditions(policy)).find((one) => one.type === type)
      return found && `${found.status} ${found.reason}: ${found.message}`
    },
    async replica({ lines = [], kubeconfig = server.kubeconfig, isReady = true } = {}) {
      const controller = await runInCluster(
        {
          namespace: systemNamespace,
          kubeconfig,
          discoveryAddress: { host: '127.0.0.1', port: 0 },
          adminAddress: { host: '127.0.0.1', port: 0 },
          authorityIssuer: 'https://tokenward-authority.tokenward-system.svc',
          trustDomain: 'cluster.local',
          clusterDomain: 'cluster.local',
          allowPrivateIssuers: false,
        },
        quietLog(lines),
      )
      closers.push(() => controller.close())
      if (isReady) await until('the controller is ready', () => controller.isReady(), 30_000)
      return controller
    },
    async follow(controller, name, other) {
      const token = await tokenOf('shop', name)
      const secret = await get(
        `/api/v1/namespaces/${systemNamespace}/secrets/tokenward-controller-tls`,
      )
      const data = secret?.['data'] as Readonly<Record<string, string>> | undefined
      let latest: WorkloadPolicy | undefined
      const subscription = subscribe<'sidecar'>({
        kind: 'sidecar',
        urls: [controller, other].flatMap((one) => one?.discoveryUrl ?? []),
        ca: () => Buffer.from(data?.['ca.crt'] ?? '', 'base64').toString(),
        serverName: `tokenward-controller.${systemNamespace}.svc`,
        token: () => Promise.resolve(token),
        apply: (sections) => (latest = sections),
        log: quietLog(),
      })
      subscriptions.push(subscription)
      return { subscription, latest: () => latest }
    },
    async [Symbol.asyncDispose]() {
      for (const close of closers.splice(0).reverse()) await close()
    },
  }
}

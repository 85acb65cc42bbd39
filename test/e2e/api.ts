import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { kubectl } from './kubectl.ts'

/** A client of the API server on one connection, for what is timed; kubectl is slow to start. */
export function openApi(): KubeClient {
  return openKubeClient({ log: createLog({ name: 'e2e', level: 'silent' }) })
}

export interface PolicyObject {
  readonly metadata: { readonly generation: number }
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly reason: string
      readonly message: string
      readonly observedGeneration?: number
    }[]
  }
}

export function policyPath(namespace: string, name: string): string {
  return `/apis/tokenward.dev/v1alpha1/namespaces/${namespace}/accesspolicies/${name}`
}

/** Takes the rule by which orders are read out of the policy of orders, or puts it back. */
export async function letOrdersBeRead(api: KubeClient, may: boolean): Promise<void> {
  const create = { methods: ['POST'], paths: ['/orders'], scopes: ['orders:create'] }
  const read = { methods: ['GET'], paths: ['/orders/{id}'], scopes: ['orders:read'] }
  await api.request({
    method: 'PATCH',
    path: policyPath('shop', 'orders'),
    contentType: 'application/json-patch+json',
    body: [
      {
        op: 'replace',
        path: '/spec/rules/0/operations',
        value: may ? [create, read] : [create],
      },
    ],
  })
}

/** Polls a condition of a policy until it speaks of the object's generation and says so; gives its message. */
export async function untilCondition(
  api: KubeClient,
  policy: { readonly namespace: string; readonly name: string },
  wanted: { readonly type: string; readonly status: string; readonly reason?: string },
  withinMs = 15_000,
): Promise<string> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const path = policyPath(policy.namespace, policy.name)
    const { metadata, status } = await api.request<PolicyObject>({ method: 'GET', path })
    const found = status?.conditions?.find(({ type }) => type === wanted.type)
    const so =
      found !== undefined &&
      found.status === wanted.status &&
      (wanted.reason === undefined || found.reason === wanted.reason) &&
      found.observedGeneration === metadata.generation
    if (so) return `${found.reason}: ${found.message}`
    if (performance.now() > deadline) {
      throw new Error(
        `${policy.name} is not ${wanted.type}=${wanted.status} ${wanted.reason ?? ''}: ${JSON.stringify(status)}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** The log of a container, for a message. */
export async function logOf(namespace: string, what: string, container: string): Promise<string> {
  return kubectl(['logs', '-n', namespace, what, '-c', container, '--tail=20'])
}

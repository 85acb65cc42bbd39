import type { KubeClient } from '../../../pkg/kube/client.ts'
import type { PodObject } from '../kubectl.ts'
import { pod } from '../objects.ts'
import { percentile } from '../percentile.ts'
import { figure } from '../report.ts'

const bars = { medianMs: 1500, p99Ms: 3000 }

/** Pods with and without a sidecar in turns: from their creation to Ready, as the API server knows it. */
export async function startUpFigure(api: KubeClient, times: number): Promise<void> {
  const took = { injected: [] as number[], plain: [] as number[] }
  for (let count = 0; count < times; count += 1) {
    took.plain.push(await start(api, `plain-${count}`, 'disabled'))
    took.injected.push(await start(api, `injected-${count}`, 'enabled'))
  }
  const plain = percentile(took.plain, 50)
  const added = took.injected.map((each) => each - plain)
  const [median, p99] = [percentile(added, 50), percentile(added, 99)]
  figure({
    name: 'added pod start-up by injection, median / p99',
    value: `${median.toFixed(0)} / ${p99.toFixed(0)} ms of ${times}, without it ${plain.toFixed(0)} ms`,
    bar: `${bars.medianMs} / ${bars.p99Ms} ms`,
    good: median <= bars.medianMs && p99 <= bars.p99Ms,
  })
}

async function start(
  api: KubeClient,
  name: string,
  inject: 'enabled' | 'disabled',
): Promise<number> {
  const path = '/api/v1/namespaces/shop/pods'
  const started = performance.now()
  await api.request({
    method: 'POST',
    path,
    body: pod({
      name,
      namespace: 'shop',
      labels: { 'tokenward.dev/inject': inject },
      spec: { serviceAccountName: 'reports', terminationGracePeriodSeconds: 0 },
    }),
  })
  try {
    for (;;) {
      const { status } = await api.request<PodObject>({ method: 'GET', path: `${path}/${name}` })
      const ready = status.conditions?.find(({ type }) => type === 'Ready')
      const took = performance.now() - started
      if (ready?.status === 'True') return took
      if (took > 60_000) throw new Error(`${name} is not ready: ${JSON.stringify(status)}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  } finally {
    const body = { gracePeriodSeconds: 0 }
    await api.request({ method: 'DELETE', path: `${path}/${name}`, body })
  }
}

import type { KubeClient } from '../../../pkg/kube/client.ts'
import type { PodObject } from '../kubectl.ts'
import { pod, type AppOptions } from '../objects.ts'
import { percentile } from '../percentile.ts'
import { figure } from '../report.ts'

const bars = { medianMs: 1500, p99Ms: 3000 }

const label = 'tokenward.dev/inject'
const interception = 'tokenward.dev/interception'

/** What a pod says of itself. */
const kinds = {
  plain: { labels: { [label]: 'disabled' } },
  redirect: { labels: { [label]: 'enabled' } },
  explicit: { labels: { [label]: 'enabled' }, annotations: { [interception]: 'explicit' } },
} as const

/** Pods with and without a sidecar in turns: from their creation to Ready, as the API server knows it. */
export async function startUpFigure(api: KubeClient, times: number): Promise<void> {
  const took = { plain: [] as number[], redirect: [] as number[], explicit: [] as number[] }
  for (let count = 0; count < times; count += 1) {
    for (const kind of ['plain', 'redirect', 'explicit'] as const) {
      took[kind].push(await start(api, `${kind}-${count}`, kinds[kind]))
    }
  }
  const plain = percentile(took.plain, 50)
  const figureOf = (kind: 'redirect' | 'explicit'): string => {
    const added = took[kind].map((each) => each - plain)
    return `${percentile(added, 50).toFixed(0)} / ${percentile(added, 99).toFixed(0)} ms of ${times}`
  }
  const added = took.redirect.map((each) => each - plain)
  figure({
    name: 'added pod start-up by injection, median / p99',
    value: `${figureOf('redirect')}, without it ${plain.toFixed(0)} ms`,
    bar: `${bars.medianMs} / ${bars.p99Ms} ms`,
    ofBar: Math.max(percentile(added, 50) / bars.medianMs, percentile(added, 99) / bars.p99Ms),
  })
  figure({ name: 'the same where the mode is explicit', value: figureOf('explicit') })
}

async function start(
  api: KubeClient,
  name: string,
  kind: Pick<AppOptions, 'labels' | 'annotations'>,
): Promise<number> {
  const path = '/api/v1/namespaces/shop/pods'
  const started = performance.now()
  await api.request({
    method: 'POST',
    path,
    body: pod({
      name,
      namespace: 'shop',
      ...kind,
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

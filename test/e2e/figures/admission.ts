import { idle, pod } from '../objects.ts'
import { percentile } from '../percentile.ts'
import { figure } from '../report.ts'
import type { Stage } from '../stage.ts'

const barMs = 20
// What else the machine does shows in single rounds.
const rounds = 5
const timesEach = 200

/** Asks the webhook itself about a pod of three containers, from a pod, on one connection. */
export async function admissionFigure(stage: Stage): Promise<void> {
  const visitor = await stage.in('outside', 'visitor')
  const container = (name: string, port: number): object => ({
    name,
    image: 'localhost/tokenward-shop:dev',
    command: idle,
    ports: [{ name, containerPort: port }],
    env: Array.from({ length: 20 }, (_, index) => ({ name: `NAME_${index}`, value: 'a value' })),
    readinessProbe: { httpGet: { path: '/ready', port: name }, periodSeconds: 5 },
  })
  const object = pod({
    name: 'three',
    namespace: 'shop',
    spec: {
      serviceAccountName: 'web',
      containers: ['one', 'two', 'three'].map((name, index) => container(name, 8080 + index)),
    },
  })
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '5d4e8a42-7cd0-4f0c-9a0c-4f1fb47e0b8d',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'shop',
      operation: 'CREATE',
      dryRun: true,
      userInfo: { username: 'e2e' },
      object,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  }
  const url = 'https://tokenward-webhook.tokenward-system.svc/mutate'
  const call = { method: 'POST', url, body: review }
  await visitor.repeat(call, 50)
  const p99s: number[] = []
  const medians: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const answers = await visitor.repeat(call, timesEach)
    const refused = answers.find(({ body }) => !isAllowed(body))
    if (refused !== undefined) throw new Error(JSON.stringify(refused).slice(0, 1000))
    const tookMs = answers.map(({ ms }) => ms)
    p99s.push(percentile(tookMs, 99))
    medians.push(percentile(tookMs, 50))
  }
  const best = Math.min(...p99s)
  figure({
    name: 'admission of a 3-container pod, p99',
    value: `${best.toFixed(1)} ms in the best of ${rounds} rounds of ${timesEach}, ${percentile(p99s, 50).toFixed(1)} in the middle one; p50 ${percentile(medians, 50).toFixed(1)}`,
    bar: `${barMs} ms`,
    ofBar: best / barMs,
  })
}

function isAllowed(body: unknown): boolean {
  const { response } = body as {
    readonly response?: { readonly allowed?: boolean; readonly patch?: string }
  }
  return response?.allowed === true && response.patch !== undefined
}

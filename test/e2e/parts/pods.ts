import { deployment, job, pod } from '../objects.ts'
import { apply, get, kubectl, pods, refusal, rolledOut, type PodObject } from '../kubectl.ts'
import { check } from '../report.ts'

/** An app with one port per kind of probe, well or ill. */
const probed = `
const { createServer } = require('node:http')
const http2 = require('node:http2')
const net = require('node:net')
const ill = process.env.ILL === 'yes'
createServer((request, response) => {
  response.writeHead(ill && request.headers.probe === 'yes' ? 500 : 200).end()
}).listen(8081, '::')
net.createServer((socket) => socket.end()).listen(8082, '::')
http2.createServer().on('stream', (stream) => {
  stream.on('data', () => undefined)
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.from([0, 0, 0, 0, 2, 8, ill ? 2 : 1]))
}).listen(8083, '::')
`

const httpProbe = {
  httpGet: { path: '/ready', port: 8081, httpHeaders: [{ name: 'Probe', value: 'yes' }] },
  periodSeconds: 1,
  failureThreshold: 2,
}

function probedApp(
  name: string,
  probe: object,
  env: Readonly<Record<string, string>> = {},
): object {
  return deployment({
    name,
    namespace: 'shop',
    env,
    container: { command: ['node', '-e', probed], ...probe },
    spec: { serviceAccountName: 'reports' },
  })
}

/** Kubelet's probes reach the app through the sidecar, and what they say stays true. */
export async function probes(): Promise<void> {
  const kinds = {
    http: { readinessProbe: httpProbe },
    tcp: { readinessProbe: { tcpSocket: { port: 8082 }, periodSeconds: 1 } },
    grpc: { readinessProbe: { grpc: { port: 8083 }, periodSeconds: 1 } },
  }
  const names = Object.keys(kinds).map((kind) => `probed-${kind}`)
  await apply(...Object.entries(kinds).map(([kind, probe]) => probedApp(`probed-${kind}`, probe)))
  for (const name of names) {
    await check(`${name} becomes ready`, () => rolledOut('shop', name, 30))
  }
  await apply(
    probedApp('ill-http', { readinessProbe: httpProbe }, { ILL: 'yes' }),
    probedApp(
      'ill-grpc',
      { readinessProbe: { grpc: { port: 8083 }, periodSeconds: 1 } },
      { ILL: 'yes' },
    ),
    probedApp('ill-tcp', { readinessProbe: { tcpSocket: { port: 8099 }, periodSeconds: 1 } }),
    probedApp('ill-live', { livenessProbe: httpProbe }, { ILL: 'yes' }),
  )
  await check('an app that fails its liveness probe is restarted', async () => {
    await untilPod('ill-live', (found) => (appOf(found)?.restartCount ?? 0) > 0)
  })
  for (const name of ['ill-http', 'ill-grpc', 'ill-tcp']) {
    await check(`${name} runs and is never ready`, async () => {
      const found = await untilPod(name, ({ status }) => status.phase === 'Running')
      if (appOf(found)?.ready === true) throw new Error('it is ready')
    })
  }
  const all = [...names, 'ill-http', 'ill-grpc', 'ill-tcp', 'ill-live']
  await kubectl(['delete', 'deployment', '-n', 'shop', '--wait=false', ...all])
}

function appOf(
  found: PodObject,
): { readonly ready: boolean; readonly restartCount: number } | undefined {
  return found.status.containerStatuses?.find(({ name }) => name === 'app')
}

async function untilPod(
  app: string,
  isSo: (found: PodObject) => boolean,
  withinMs = 40_000,
): Promise<PodObject> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const [found] = await pods('shop', `app=${app}`)
    if (found !== undefined && isSo(found)) return found
    if (performance.now() > deadline) throw new Error(JSON.stringify(found?.status))
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

const callOnce = `
const answer = await fetch('http://orders.shop/orders/1')
console.log(answer.status)
process.exit(answer.ok ? 0 : 1)
`

/** A Job and an init container: the sidecar is there from the first request, and goes when they are done. */
export async function jobs(): Promise<void> {
  const container = { command: ['node', '--input-type=module', '-e', callOnce] }
  const image = 'localhost/tokenward-shop:dev'
  await check('a Job whose first request needs a token ends by itself', async () => {
    await apply(
      job({
        name: 'nightly',
        namespace: 'shop',
        container,
        spec: {
          serviceAccountName: 'web',
          initContainers: [{ name: 'first', image, ...container }],
        },
      }),
    )
    try {
      await kubectl([
        'wait',
        '-n',
        'shop',
        '--for=condition=Complete',
        'job/nightly',
        '--timeout=40s',
      ])
    } catch (error) {
      const { status } = await get<{ status: object }>('job', 'nightly', '-n', 'shop')
      throw new Error(`${String(error)} ${JSON.stringify(status)}`, { cause: error })
    }
  })
  await kubectl(['delete', 'job', 'nightly', '-n', 'shop', '--wait=false'])
}

/** Pods that would take the sidecar's place. */
export async function refusedPods(): Promise<void> {
  const make = (name: string, container: object, spec: object = {}): Promise<void> =>
    apply(pod({ name, namespace: 'shop', container, spec: { serviceAccountName: 'web', ...spec } }))
  const cases = [
    ['runs as the sidecar', '15400', { securityContext: { runAsUser: 15_400 } }, {}],
    ['claims a port of the sidecar', '15401', { ports: [{ containerPort: 15_401 }] }, {}],
    [
      'brings a volume of our name',
      'tokenward-tokens',
      {},
      { volumes: [{ name: 'tokenward-tokens', emptyDir: {} }] },
    ],
    [
      'brings a sidecar of its own making',
      'tokenward-sidecar',
      {},
      { initContainers: [{ name: 'tokenward-sidecar', image: 'localhost/busybox:1' }] },
    ],
  ] as const
  for (const [name, word, container, spec] of cases) {
    await check(`refused: a pod that ${name}`, async () => {
      const words = await refusal(() => make(name.replaceAll(' ', '-'), container, spec))
      if (!words.includes(word)) throw new Error(`it says nothing of ${word}: ${words}`)
    })
  }
}

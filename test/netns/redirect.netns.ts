/** A redirected pod: what arrives, what leaves, what is untouched, and what tries to get around. */
import { ok, equal, match } from 'node:assert/strict'
import type { Route, WorkloadPolicy } from '../../pkg/policy/workload-policy.ts'
import { call } from '../support/shop-sidecars.ts'
import { until } from '../support/until.ts'
import { runChecks, type Check } from './checks.ts'
import { addresses } from './network.ts'
import { fromPeer, fromPod, makePod, program, runRedirect, serve, type Running } from './pod.ts'

const anybody = [{ scopes: [] }]
const { pod, peer } = addresses
const families = ['IPv4', 'IPv6'] as const

/** A target in the peer: no token is needed, so that no authority is. */
const target: Route = {
  id: 'shop/payments:80',
  namespace: 'shop',
  service: 'payments',
  portName: 'http',
  port: 80,
  hosts: ['payments', 'payments.shop'],
  audience: 'http://payments.shop',
  rules: [],
  public: anybody,
}
const itself: Route = { ...target, id: 'shop/orders:80', service: 'orders', hosts: ['orders'] }

const policy = (base: WorkloadPolicy): WorkloadPolicy => ({
  ...base,
  rules: {
    ...base.rules,
    ports: {
      8080: { rules: [], public: anybody },
      8081: { rules: [], public: [] },
      5432: { rules: [], public: anybody },
      7070: { rules: [], public: anybody },
    },
  },
  routes: { routes: [target, itself] },
  addresses: {
    [target.id]: {
      clusterIPs: [],
      endpoints: families.map((family) => ({ address: peer[family], port: 8000 })),
    },
    [itself.id]: {
      clusterIPs: [],
      endpoints: families.map((family) => ({ address: pod[family], port: 8080 })),
    },
  },
})

const get = (path = '/', fields = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: somebody\r\n${fields}Connection: close\r\n\r\n`

interface Heard {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const heardIn = (text: string): Heard =>
  JSON.parse(text.slice(text.indexOf('\r\n\r\n')).match(/\{.*\}/s)?.[0] ?? '{}') as Heard

const probes = {
  '/probes/app/readiness': { httpGet: { port: 8080, path: '/well' } },
  '/probes/app/liveness': { tcpSocket: { port: 9 } },
}

const made = await makePod(policy)
const rules = runRedirect(['--exclude-inbound-ports=2222', '--exclude-outbound-ports=2525'])
for (const port of [8080, 8081, 9999, 2222, 15450])
  await serve('pod', { host: '::', port, kind: 'http' })
await serve('pod', { host: pod.IPv4, port: 7070, kind: 'http' })
await serve('pod', { host: '127.0.0.1', port: 5432, kind: 'http' })
await serve('peer', { host: '::', port: 8000, kind: 'http' })
await serve('peer', { host: '::', port: 8001, kind: 'http' })
await serve('peer', { host: '::', port: 2500, kind: 'greeting' })
await serve('peer', { host: '::', port: 2525, kind: 'greeting' })
await serve('peer', { host: '::', port: 7000, kind: 'echo' })
const startSidecar = (): Running =>
  made.startSidecar({
    interception: 'redirect',
    'probe-address': '[::]:15494',
    'metrics-address': '[::]:15491',
    probes: JSON.stringify(probes),
  })
const sidecar = startSidecar()
const readiness = async (): Promise<string> =>
  (await call({ port: 15490 }, { path: '/readyz' }).catch(() => undefined))?.text ?? 'not open'
const metric = async (name: string): Promise<number> => {
  const { text } = await call({ port: 15490 }, { path: '/metrics' })
  return Number(new RegExp(`^tokenward_sidecar_${name} (\\d+)$`, 'm').exec(text)?.[1] ?? -1)
}

const checks: Check[] = [
  {
    name: 'the rules are written',
    run: () => equal(rules.status, 0, rules.stderr),
  },
  {
    name: 'the sidecar is ready once its markers have arrived',
    run: async () => {
      await until('ready', async () => (await readiness()) === 'ready\n', 20_000)
      equal(sidecar.stderr(), '')
    },
  },
  {
    name: 'the kubelet is answered at the address of the pod: started, ready, probes, and nothing else',
    run: async () => {
      for (const family of families) {
        const ask = async (path: string): Promise<string> =>
          (await fromPeer({ host: pod[family], port: 15494, say: get(path) })).heard.slice(9, 12)
        equal(await ask('/startupz'), '200')
        equal(await ask('/readyz'), '200')
        equal(await ask('/probes/app/readiness'), '200')
        equal(await ask('/probes/app/liveness'), '503')
        equal(await ask('/policy'), '404')
        equal(await ask('/metrics'), '404')
      }
      const scraped = await fromPeer({ host: pod.IPv4, port: 15491, say: get('/metrics') })
      match(scraped.heard, /tokenward_sidecar_intercepting 1/)
    },
  },
  ...families.flatMap((family): Check[] => [
    {
      name: `${family}: what a policy allows arrives at the address that was dialled`,
      run: async () => {
        const { heard } = await fromPeer({ host: pod[family], port: 8080, say: get('/x') })
        match(heard, /^HTTP\/1.1 200/)
        const told = heardIn(heard)
        ok(told.localAddress.endsWith(pod[family]))
        equal(told.localPort, 8080)
        equal(typeof told.headers['tokenward-decision'], 'string')
      },
    },
    {
      name: `${family}: a port with a policy refuses a call without a token`,
      run: async () => {
        const { heard } = await fromPeer({ host: pod[family], port: 8081, say: get() })
        match(heard, /^HTTP\/1.1 401/)
      },
    },
    {
      name: `${family}: a port without a policy is refused`,
      run: async () => {
        const { heard } = await fromPeer({ host: pod[family], port: 9999, say: get() })
        match(heard, /^HTTP\/1.1 403[^]*no_policy/)
      },
    },
    {
      name: `${family}: what is no HTTP is closed, with a policy and without`,
      run: async () => {
        for (const port of [8080, 9999]) {
          const { heard } = await fromPeer({ host: pod[family], port, say: '\x16\x03\x01\x00\xa5' })
          ok(!heard.includes('200'), heard)
        }
      },
    },
    {
      name: `${family}: an excluded port is reached without the sidecar`,
      run: async () => {
        const { heard } = await fromPeer({ host: pod[family], port: 2222, say: get() })
        equal(heardIn(heard).headers['tokenward-decision'], undefined)
        match(heard, /^HTTP\/1.1 200/)
      },
    },
    {
      name: `${family}: a direct dial to the ports of the sidecar is closed`,
      run: async () => {
        // At 15450 an app listens.
        for (const port of [15401, 15402, 15490, 15450]) {
          const { heard, error } = await fromPeer({ host: pod[family], port, say: get() })
          equal(heard, '')
          ok(error !== undefined)
        }
      },
    },
    {
      name: `${family}: a direct dial of the app to the sidecar's ports is closed`,
      run: async () => {
        const loopback = family === 'IPv4' ? '127.0.0.1' : '::1'
        for (const port of [15401, 15402]) {
          for (const host of [loopback, pod[family]]) {
            const { heard, error } = await fromPod({ host, port, say: get() })
            equal(heard, '', `${host} ${port}`)
            ok(error !== undefined)
          }
        }
      },
    },
    {
      name: `${family}: a call of the app to a target goes by the route of its address, whatever Host says`,
      run: async () => {
        const before = await metric('unmatched_total')
        const { heard } = await fromPod({
          host: peer[family],
          port: 8000,
          say: get('/pay', 'Tokenward-Handle: stolen\r\n'),
        })
        const told = heardIn(heard)
        equal(told.url, '/pay')
        equal(told.headers['host'], 'somebody')
        equal(told.headers['tokenward-handle'], undefined)
        ok(told.localAddress.endsWith(peer[family]))
        equal(await metric('unmatched_total'), before)
      },
    },
    {
      name: `${family}: another user id of the pod is seen as well`,
      run: async () => {
        for (const uid of [0, 1234]) {
          const { heard } = await fromPod(
            { host: peer[family], port: 8001, say: get('/', 'Tokenward-Handle: stolen\r\n') },
            uid,
          )
          equal(heardIn(heard).headers['tokenward-handle'], undefined)
        }
      },
    },
    {
      name: `${family}: a call to a stranger is read and goes on`,
      run: async () => {
        const before = await metric('unmatched_total')
        const { heard } = await fromPod({
          host: peer[family],
          port: 8001,
          say: get('/', 'Tokenward-Handle: stolen\r\n'),
        })
        equal(heardIn(heard).headers['tokenward-handle'], undefined)
        equal(await metric('unmatched_total'), before + 1)
      },
    },
    {
      name: `${family}: a server that speaks first is heard`,
      run: async () => {
        const quiet = await fromPod({ host: peer[family], port: 2500, until: '220 ready' })
        match(quiet.heard, /220 ready/)
        const { heard } = await fromPod({ host: peer[family], port: 2500, say: 'HELO me\r\n' })
        match(heard, /220 ready\r\n250 HELO me/)
      },
    },
    {
      name: `${family}: TLS to a stranger goes on untouched`,
      run: async () => {
        const hello = '\x16\x03\x01\x00\x05hello'
        const { heard } = await fromPod({
          host: peer[family],
          port: 7000,
          say: hello,
          until: hello,
        })
        equal(heard, hello)
      },
    },
    {
      name: `${family}: TLS to a target goes on untouched, is counted and warned of`,
      run: async () => {
        const before = await metric('app_tls_total')
        await fromPod({ host: peer[family], port: 8000, say: '\x16\x03\x01\x00\x05hello' })
        equal(await metric('app_tls_total'), before + 1)
        equal(sidecar.lines().match(/speaks TLS/g)?.length, 1)
      },
    },
    {
      name: `${family}: an excluded port of others is reached without the sidecar`,
      run: async () => {
        const before = await metric('spliced_total')
        const { heard } = await fromPod({ host: peer[family], port: 2525, until: '220' })
        match(heard, /220/)
        equal(await metric('spliced_total'), before)
      },
    },
    {
      name: `${family}: the app's call to its own address is judged on its way in`,
      run: async () => {
        const judged = await fromPod({ host: pod[family], port: 8081, say: get() })
        match(judged.heard, /^HTTP\/1.1 401/)
        const unknown = await fromPod({ host: pod[family], port: 9999, say: get() })
        match(unknown.heard, /^HTTP\/1.1 403/)
        const allowed = await fromPod({ host: pod[family], port: 8080, say: get() })
        match(allowed.heard, /^HTTP\/1.1 200/)
        equal(typeof heardIn(allowed.heard).headers['tokenward-decision'], 'string')
      },
    },
    {
      name: `${family}: loopback is the app's own`,
      run: async () => {
        const host = family === 'IPv4' ? '127.0.0.1' : '::1'
        const { heard } = await fromPod({ host, port: 9999, say: get() })
        match(heard, /^HTTP\/1.1 200/)
        equal(heardIn(heard).headers['tokenward-decision'], undefined)
      },
    },
    {
      name: `${family}: a source of loopback opens no way past the sidecar`,
      run: async () => {
        const from = family === 'IPv4' ? '127.0.0.1' : '::1'
        const { heard } = await fromPod({ host: pod[family], port: 9999, say: get(), from })
        match(heard, /^HTTP\/1.1 403/)
      },
    },
  ]),
  {
    name: 'an app that listens on one address of the pod is reached there',
    run: async () => {
      const { heard } = await fromPeer({ host: pod.IPv4, port: 7070, say: get() })
      equal(heardIn(heard).localAddress, pod.IPv4)
    },
  },
  {
    name: 'a port that the app opened on loopback alone stays closed',
    run: async () => {
      const { heard } = await fromPeer({ host: pod.IPv4, port: 5432, say: get() })
      match(heard, /^HTTP\/1.1 502/)
    },
  },
  {
    name: 'without its rules the pod is not ready, in words; once they are back it is',
    run: async () => {
      await sidecar.stop()
      program('iptables-nft', '-t', 'nat', '-F', 'TOKENWARD_OUT')
      const alone = startSidecar()
      await until('it says why', async () =>
        /marker address 192\.0\.2\.145 did not arrive.*tokenward-redirect \(IPv4\)/.test(
          await readiness(),
        ),
      )
      const asked = await fromPeer({ host: pod.IPv6, port: 15494, say: get('/startupz') })
      match(asked.heard, /^HTTP\/1.1 503/)
      equal(runRedirect().status, 0)
      await until('it is ready', async () => (await readiness()) === 'ready\n')
      await alone.stop()
    },
  },
  {
    name: 'without the way in the pod is not ready, in words',
    run: async () => {
      program('ip6tables-nft', '-t', 'nat', '-F', 'TOKENWARD_IN')
      const alone = startSidecar()
      await until('it says why', async () =>
        /what comes to fd77::2 is not redirected.*tokenward-redirect \(IPv6\)/.test(
          await readiness(),
        ),
      )
      equal(runRedirect().status, 0)
      await alone.stop()
    },
  },
  {
    name: 'as another user than the rules name the sidecar is not ready, in words',
    run: async () => {
      equal(runRedirect(['--sidecar-user=15404']).status, 0)
      const other = startSidecar()
      await until('it says why', async () =>
        /must run as the user that tokenward-redirect was told/.test(await readiness()),
      )
      await other.stop()
    },
  },
]

await runChecks(checks, made.close)

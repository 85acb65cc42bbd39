/** A pod on a node without IPv6. */
import { equal, match } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { call } from '../support/shop-sidecars.ts'
import { until } from '../support/until.ts'
import { runChecks, type Check } from './checks.ts'
import { addresses } from './network.ts'
import { fromPeer, fromPod, makePod, runRedirect, serve } from './pod.ts'

writeFileSync('/proc/sys/net/ipv6/conf/all/disable_ipv6', '1')

const { pod, peer } = addresses
const get = 'GET / HTTP/1.1\r\nHost: somebody\r\nTokenward-Handle: h\r\nConnection: close\r\n\r\n'

const made = await makePod((policy) => ({
  ...policy,
  rules: { ...policy.rules, ports: { 8080: { rules: [], public: [{ scopes: [] }] } } },
}))
const rules = runRedirect()
await serve('pod', { host: pod.IPv4, port: 8080, kind: 'http' })
await serve('peer', { host: peer.IPv4, port: 8000, kind: 'http' })
made.startSidecar({
  interception: 'redirect',
  'probe-address': '[::]:15494',
  'metrics-address': '[::]:15491',
})

const checks: Check[] = [
  { name: 'without IPv6 the rules are written', run: () => equal(rules.status, 0, rules.stderr) },
  {
    name: 'without IPv6 the sidecar opens what it can and is ready',
    run: () =>
      until('ready', async () => {
        const answer = await call({ port: 15490 }, { path: '/readyz' }).catch(() => undefined)
        return answer?.status === 200
      }),
  },
  {
    name: 'without IPv6 calls arrive and leave',
    run: async () => {
      match((await fromPeer({ host: pod.IPv4, port: 8080, say: get })).heard, /^HTTP\/1.1 200/)
      const { heard } = await fromPod({ host: peer.IPv4, port: 8000, say: get })
      match(heard, /^HTTP\/1.1 200/)
      equal(heard.includes('tokenward-handle'), false)
      const startup = 'GET /startupz HTTP/1.1\r\nHost: x\r\n\r\n'
      const asked = await fromPeer({ host: pod.IPv4, port: 15494, say: startup })
      match(asked.heard, /^HTTP\/1.1 200/)
    },
  },
]

await runChecks(checks, made.close)

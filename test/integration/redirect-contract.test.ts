/** What the rules of `redirect` and the sidecar agree about, although they share no code. */
import { expect, test } from 'vitest'
import { definition } from '../../cmd/redirect/settings.ts'
import { redirectedTo } from '../../cmd/sidecar/settings.ts'
import { readSettings } from '../../pkg/config/settings.ts'
import { ports } from '../../pkg/admission/inject/names.ts'
import * as sidecar from '../../pkg/proxy/intercept/marker.ts'
import * as rules from '../../pkg/redirect/plan.ts'

const settings = readSettings(definition, { argv: [], env: {} })

test('the marker is the same', () => {
  expect(sidecar.marker).toEqual(rules.marker)
})

test('the ports of the sidecar are the same, to the first and the last', () => {
  const { first, last } = rules.ownPorts
  expect([first - 1, first, last, last + 1].map(sidecar.isOwnPort)).toEqual([
    false,
    true,
    true,
    false,
  ])
})

test.each(['IPv4', 'IPv6'] as const)(
  '%s: an app that listens at a port of the sidecar is not reached; probes and metrics are',
  (family) => {
    const { chains } = rules.planRules(family, settings)
    const left = chains['TOKENWARD_IN']?.filter((rule) => rule.endsWith('-j RETURN'))
    expect(left).toEqual([
      `-p tcp -m tcp --dport ${ports.metrics} -j RETURN`,
      `-p tcp -m tcp --dport ${ports.probes} -j RETURN`,
    ])
  },
)

test('connections are led to where the sidecar listens, in both families', () => {
  expect(redirectedTo.inbound).toEqual({ host: '::', port: settings.inboundPort })
  expect(redirectedTo.outbound).toEqual([
    { host: '127.0.0.1', port: settings.outboundPort },
    { host: '::1', port: settings.outboundPort },
  ])
})

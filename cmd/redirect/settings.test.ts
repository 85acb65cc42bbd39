import { expect, test } from 'vitest'
import { readSettings, SettingsStop } from '../../pkg/config/settings.ts'
import { definition } from './settings.ts'

const read = (...argv: string[]) => readSettings(definition, { argv, env: {} })

test('without any, everything but the ports of the sidecar is redirected', () => {
  expect(read()).toMatchObject({
    inboundPort: 15401,
    outboundPort: 15402,
    sidecarUser: 15400,
    excludeInboundPorts: [],
    excludeOutboundCidrs: [],
    awaitSidecar: undefined,
  })
})

test.each([
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['192.168.7.9/32', '192.168.7.9/32'],
  ['1.2.3.4/0', '0.0.0.0/0'],
  ['fd00::1/8', 'fd00::/8'],
  ['2001:DB8:0:0:1::5/65', '2001:db8::/65'],
  ['::ffff:1.2.3.4/96', '::ffff:0:0/96'],
])('the network %s is written as iptables shows it', (given, shown) => {
  expect(read('--exclude-outbound-cidrs', given).excludeOutboundCidrs).toEqual([shown])
})

test.each([
  ['--exclude-inbound-ports', '15401'],
  ['--exclude-inbound-ports', '22,15499'],
  ['--exclude-outbound-ports', '15145'],
  ['--exclude-inbound-ports', '0'],
  ['--exclude-inbound-ports', '22:90'],
  ['--exclude-outbound-cidrs', '10.0.0.0/33'],
  ['--exclude-outbound-cidrs', '10.0.0.0'],
  ['--exclude-outbound-cidrs', 'fd00::/8 -j ACCEPT'],
  ['--sidecar-user', '0'],
  ['--await-sidecar', '15490'],
])('%s %s is refused', (flag, value) => {
  expect(() => read(flag, value)).toThrow(SettingsStop)
})

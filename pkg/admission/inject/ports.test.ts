import { describe, expect, test } from 'vitest'
import { readCidrs, readMappings, readPorts } from './ports.ts'

describe('ports', () => {
  test.each([
    ['one', '22', [22]],
    ['several with spaces, in any order, repeated', '9000, 22,22', [22, 9000]],
    ['the smallest and the largest', '1,65535', [1, 65_535]],
    ['those beside the sidecar’s', '15399,15500', [15_399, 15_500]],
  ])('%s', (_what, text, value) => {
    expect(readPorts(text)).toEqual({ value })
  })

  test.each([
    ['nothing', '', 'is no port'],
    ['a comma at the end', '22,', 'is no port'],
    ['zero', '0', 'is no port'],
    ['one too large', '65536', 'is no port'],
    ['a sign', '+22', 'is no port'],
    ['a leading zero', '022', 'is no port'],
    ['a range', '22-25', 'is no port'],
    ['hexadecimal', '0x16', 'is no port'],
    ['the sidecar’s first', '15400', "are the sidecar's"],
    ['the sidecar’s last', '15499', "are the sidecar's"],
    ['too many', Array.from({ length: 65 }, (_, n) => n + 1).join(','), 'more than 64'],
  ])('not %s', (_what, text, words) => {
    expect(readPorts(text)).toMatchObject({ problem: expect.stringContaining(words) as unknown })
  })
})

describe('mappings', () => {
  test('several, in their order', () => {
    expect(readMappings('8080:8081, 9090:9091')).toEqual({
      value: [
        { listen: 8080, app: 8081 },
        { listen: 9090, app: 9091 },
      ],
    })
  })

  test.each([
    ['one port', '8080', 'not of the form'],
    ['three ports', '1:2:3', 'not of the form'],
    ['an address', '127.0.0.1:8080', 'not of the form'],
    ['one port for both sides', '8080:8080', 'they need one each'],
    ['a port for both sides of two mappings', '8080:8081,8081:8082', 'they need one each'],
    ['one port of the sidecar twice', '8080:8081,8080:8082', 'twice'],
    ['a port of the sidecar’s own', '8080:15402', "are the sidecar's"],
  ])('not %s', (_what, text, words) => {
    expect(readMappings(text)).toMatchObject({ problem: expect.stringContaining(words) as unknown })
  })
})

describe('networks', () => {
  test.each([
    ['10.0.0.0/8'],
    ['0.0.0.0/0'],
    ['192.168.1.7/32'],
    ['fd00::/8'],
    ['::/0'],
    ['2001:db8:0:1::/64'],
    ['2001:db8::1/128'],
    ['::ffff:0:0/96'],
  ])('%s', (text) => {
    expect(readCidrs(text)).toEqual({ value: [text] })
  })

  test.each([
    ['an address without a prefix', '10.0.0.1', 'is no network'],
    ['a prefix that is too long', '10.0.0.0/33', 'is no network'],
    ['a prefix that is too long for IPv6', 'fd00::/129', 'is no network'],
    ['a name', 'db.example/8', 'is no network'],
    ['an address that its prefix cuts off', '10.1.0.0/8', 'cuts it off'],
    ['an IPv6 address that its prefix cuts off', 'fd00::1/64', 'cuts it off'],
    ['an option of iptables', '-j ACCEPT', 'is no network'],
    ['a zone', 'fe80::%eth0/10', 'is no network'],
  ])('not %s', (_what, text, words) => {
    expect(readCidrs(text)).toMatchObject({ problem: expect.stringContaining(words) as unknown })
  })
})

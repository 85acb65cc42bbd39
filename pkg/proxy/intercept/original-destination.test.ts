import { expect, test } from 'vitest'
import { readIPv4, readIPv6 } from './original-destination.ts'

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', '').padEnd(56, '0'), 'hex')

test('an address of IPv4 is read as the kernel writes it', () => {
  expect(readIPv4(bytes('0200 1f90 0a4d0002'))).toEqual({ host: '10.77.0.2', port: 8080 })
})

test.each([
  ['its short form', 'fd770000000000000000000000000002', 'fd77::2'],
  ['IPv4 in IPv6 as IPv4', '00000000000000000000ffff0a4d0002', '10.77.0.2'],
  ['the unspecified address', '00000000000000000000000000000000', '::'],
])('an address of IPv6 is read: %s', (_, address, host) => {
  expect(readIPv6(bytes(`0a00 01bb 00000000 ${address} 00000000`))).toEqual({ host, port: 443 })
})

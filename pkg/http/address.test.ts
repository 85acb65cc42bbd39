import { expect, test } from 'vitest'
import { formatAddress, parseAddress } from './address.ts'

test.each([
  ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  ['[::1]:443', { host: '::1', port: 443 }],
  [':8080', { host: '::', port: 8080 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
])('%s is an address', (text, address) => {
  expect(parseAddress(text)).toEqual(address)
})

test.each([
  '80',
  '127.0.0.1',
  '::1:80',
  '[::g]:80',
  'a b:80',
  'host:65536',
  'http://x:80',
  '[1.2.3.4]:80',
])('%s is not an address', (text) => {
  expect(parseAddress(text)).toBeUndefined()
})

test('an address is written as it is read', () => {
  for (const text of ['127.0.0.1:80', '[::1]:443']) {
    const address = parseAddress(text)
    expect(address && formatAddress(address)).toBe(text)
  }
})

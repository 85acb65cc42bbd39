import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { createOwnListeners, isLoopback } from './own-listeners.ts'

const own = createOwnListeners()
own.add({ host: '127.0.0.1', port: 1 })
own.add({ host: '0.0.0.0', port: 2 })
own.add({ host: '::1', port: 3 })
own.add({ host: 'localhost', port: 4 })

test.each([
  ['127.0.0.1', 1, true],
  ['0.0.0.0', 1, true],
  ['::', 1, true],
  ['127.0.0.2', 1, false],
  ['127.0.0.1', 5, false],
  ['10.0.0.1', 1, false],
  ['127.0.0.2', 2, true],
  ['::1', 2, true],
  ['10.255.255.254', 2, false],
  ['::1', 3, true],
  ['127.0.0.1', 4, true],
])('%s port %i is one of ours: %s', (host, port, is) => {
  expect(own.includes({ host, port })).toBe(is)
})

test('every address of this machine is ours where we listen on all', () => {
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  for (const { address } of addresses) expect(own.includes({ host: address, port: 2 })).toBe(true)
})

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['fe80::1', false],
  ['', false],
])('%s is this machine talking to itself: %s', (address, is) => {
  expect(isLoopback(address)).toBe(is)
})

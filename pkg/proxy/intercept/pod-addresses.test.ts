import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { createPodAddresses } from './pod-addresses.ts'

test('an address that comes later is found, and nobody makes us look all the time', () => {
  const now = { ms: 0 }
  const there = ['10.0.0.5']
  let looks = 0
  const pod = createPodAddresses({ read: () => ((looks += 1), there), nowMs: () => now.ms })
  expect(pod.includes('10.0.0.5')).toBe(true)
  expect(pod.includes('fd00::5')).toBe(false)
  there.push('fd00::5')
  expect(pod.includes('fd00::5')).toBe(false)
  for (let at = 0; at < 100; at += 1) pod.includes('192.0.2.1')
  expect(looks).toBe(1)
  now.ms = 1_000
  expect(pod.includes('fd00::5')).toBe(true)
})

test('neither loopback nor an address of one link is an address of the pod', () => {
  const all = createPodAddresses().all()
  const others = Object.values(networkInterfaces())
    .flat()
    .flatMap((entry) => (entry?.internal === true ? entry.address : []))
  expect(all.filter((address) => others.includes(address) || address.startsWith('fe80'))).toEqual(
    [],
  )
})

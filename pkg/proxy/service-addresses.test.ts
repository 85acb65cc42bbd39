import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../telemetry/log.ts'
import { createServiceAddresses } from './service-addresses.ts'

let folder: string
let path: string
const lines: string[] = []
const log = createLog({ name: 'test', level: 'info', write: (line) => lines.push(line) })
const clock = { ms: 0 }
const make = () => createServiceAddresses({ path, log, nowMs: () => clock.ms })
const write = (value: unknown): void => writeFileSync(path, JSON.stringify(value))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokenward-addresses-'))
  path = join(folder, 'addresses.json')
  lines.length = 0
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a name has the address that the file says', () => {
  write({ 'Orders.shop:80': '127.0.0.1:15011', 'v6:80': '[::1]:15012' })
  const addresses = make()
  expect(addresses.find('orders.shop:80')).toEqual({ host: '127.0.0.1', port: 15011 })
  expect(addresses.find('v6:80')).toEqual({ host: '::1', port: 15012 })
  expect(addresses.find('orders.shop:81')).toBeUndefined()
  expect(addresses.find('constructor')).toBeUndefined()
})

test('a change is followed, a file that appears later is read', () => {
  const addresses = make()
  expect(addresses.find('a:80')).toBeUndefined()
  write({ 'a:80': '127.0.0.1:1' })
  clock.ms += 501
  expect(addresses.find('a:80')?.port).toBe(1)
  write({ 'a:80': '127.0.0.1:22' })
  clock.ms += 501
  expect(addresses.find('a:80')?.port).toBe(22)
})

test.each([['{"a:80": '], ['[]'], ['{"a:80": "somewhere:1"}'], ['{"a:80": 1}'], ['null']])(
  'with %s in it the last good state stays, and one line says so',
  (text) => {
    write({ 'a:80': '127.0.0.1:1' })
    const addresses = make()
    expect(addresses.find('a:80')?.port).toBe(1)
    writeFileSync(path, text)
    for (let look = 0; look < 3; look += 1) {
      clock.ms += 501
      expect(addresses.find('a:80')?.port).toBe(1)
    }
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain(path)
  },
)

test('without a file there are no addresses', () => {
  expect(createServiceAddresses({ path: undefined, log }).find('a:80')).toBeUndefined()
})

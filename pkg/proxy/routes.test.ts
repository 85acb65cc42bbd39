import { expect, test } from 'vitest'
import type { Route } from '../policy/workload-policy.ts'
import { plainAddress } from './plain-address.ts'
import { createRouteTable, splitAuthority } from './routes.ts'

test.each([
  ['orders.shop', { host: 'orders.shop', port: 80 }],
  ['orders.shop:8080', { host: 'orders.shop', port: 8080 }],
  ['orders.shop.', { host: 'orders.shop', port: 80 }],
  ['10.0.0.1:80', { host: '10.0.0.1', port: 80 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['[0:0:0:0:0:0:0:1]', { host: '::1', port: 80 }],
  ['[::ffff:10.0.0.1]:80', { host: '10.0.0.1', port: 80 }],
  ['snake_case:1', { host: 'snake_case', port: 1 }],
])('%s names a destination', (authority, destination) => {
  expect(splitAuthority(authority)).toEqual(destination)
})

test.each([
  '',
  ':80',
  'a:0',
  'a:65536',
  'a:8o',
  '[::g]',
  '[1.2.3.4]',
  'a b',
  'a/b',
  'a@b',
  'a:b:80',
])('"%s" names none', (authority) => {
  expect(splitAuthority(authority)).toBeUndefined()
})

test('an address has one form', () => {
  expect(plainAddress('0:0::1')).toBe('::1')
  expect(plainAddress('::FFFF:0a00:0001')).toBe('10.0.0.1')
  expect(plainAddress('10.0.0.1')).toBe('10.0.0.1')
  expect(plainAddress('010.0.0.1')).toBeUndefined()
  expect(plainAddress('orders')).toBeUndefined()
})

const route = (service: string, port = 80): Route => ({
  id: `shop/${service}:http`,
  namespace: 'shop',
  service,
  portName: 'http',
  port,
  hosts: [service, `${service}.shop`],
  audience: `http://${service}`,
  rules: [],
  public: [],
})

const table = createRouteTable([route('orders'), route('payments', 8080)], {
  'shop/orders:http': {
    clusterIPs: ['10.0.0.1', 'fd00:0::1', 'None'],
    endpoints: [{ address: '10.1.0.1', port: 9000 }],
  },
  'shop/payments:http': {
    clusterIPs: ['None'],
    endpoints: [
      { address: '10.1.0.1', port: 9000 },
      { address: '10.1.0.2', port: 9000 },
    ],
  },
})
const found = (host: string, port: number): string[] =>
  table.find(host, port).map(({ route }) => route.service)

test.each([
  ['a name', 'orders', 80, ['orders']],
  ['a longer name', 'payments.shop', 8080, ['payments']],
  ['a name with another port', 'payments.shop', 80, []],
  ['an address of the Service', '10.0.0.1', 80, ['orders']],
  ['its other family', 'fd00::1', 80, ['orders']],
  ['an address of a pod', '10.1.0.2', 9000, ['payments']],
  ['an address of a pod with another port', '10.1.0.2', 80, []],
  ['an address that two share', '10.1.0.1', 9000, ['orders', 'payments']],
  ['nothing', 'stranger', 80, []],
  ['what an object has by itself', 'constructor', 80, []],
])('%s leads where it says', (_, host, port, services) => {
  expect(found(host, port)).toEqual(services)
})

test('a Service with an address is dialled there, one without at its pods', () => {
  expect(table.byId('shop/orders:http')?.dial).toEqual([{ host: '10.0.0.1', port: 80 }])
  expect(table.byId('shop/payments:http')?.dial).toHaveLength(2)
})

test('a route is found by the name and the number of its port', () => {
  expect(table.byId('shop/orders:80')).toBe(table.byId('shop/orders:http'))
  expect(table.byId('shop/orders:grpc')).toBeUndefined()
})

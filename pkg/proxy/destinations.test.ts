import { describe, expect, test } from 'vitest'
import { createDestinations } from './destinations.ts'
import { createOwnListeners } from './own-listeners.ts'
import { createRouteTable } from './routes.ts'

const own = createOwnListeners()
own.add({ host: '127.0.0.1', port: 15402 })

const pod = ['10.0.0.5', 'fd00::5']
const destinations = createDestinations({
  services: { find: () => undefined },
  own,
  resolve: () => Promise.resolve('10.0.0.5'),
  isOfPod: (host) => pod.includes(host),
})

const route = {
  id: 'shop/orders:80',
  namespace: 'shop',
  service: 'orders',
  portName: 'http',
  port: 80,
  hosts: ['orders'],
  audience: 'http://orders',
  rules: [],
  public: [],
}
const endpoints = pod.map((address) => ({ address, port: 8080 }))
const [orders] = createRouteTable([route], { [route.id]: { clusterIPs: [], endpoints } }).find(
  'orders',
  80,
)

describe('a call to the pod itself is made from loopback, so that it is judged on its way in', () => {
  test.each([
    ['10.0.0.5', '127.0.0.1'],
    ['fd00::5', '::1'],
  ])('%s from %s', (host, from) => {
    const to = { host, port: 8080 }
    expect(destinations.ofConnection(undefined, to)).toEqual({ ...to, from })
    expect(destinations.ofConnection(orders, to)).toEqual({ ...to, from })
  })

  test('also where a name or a route leads there', async () => {
    expect(await destinations.ofStranger({ host: 'me', port: 1 })).toEqual({
      host: '10.0.0.5',
      port: 1,
      from: '127.0.0.1',
    })
    const named = destinations.ofConnection(orders, { host: 'orders', port: 80 })
    expect(named).toHaveProperty('from')
  })
})

test('a call to anybody else is made from the usual address', () => {
  expect(destinations.ofConnection(undefined, { host: '10.0.0.6', port: 80 })).toEqual({
    host: '10.0.0.6',
    port: 80,
  })
})

test('no connection leads to a listener of our own', () => {
  const dial = () => destinations.ofConnection(undefined, { host: '127.0.0.1', port: 15402 })
  expect(dial).toThrow('came back')
})

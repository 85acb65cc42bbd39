import { expect, test } from 'vitest'
import { readProbes } from './probe.ts'

const path = '/probes/app/readiness'
const read = (probe: unknown, at = path) => readProbes(JSON.stringify({ [at]: probe }))?.get(at)

test('what is left out is as the kubelet has it', () => {
  expect(read({ httpGet: { port: 80 } })).toEqual({
    timeoutSeconds: 1,
    httpGet: { port: 80, path: '/', scheme: 'HTTP', httpHeaders: [] },
  })
  expect(read({ grpc: { port: 80 } })).toEqual({
    timeoutSeconds: 1,
    grpc: { port: 80, service: '' },
  })
})

test('each kind is read', () => {
  const httpGet = {
    port: 8443,
    path: '/ready?full=1',
    scheme: 'HTTPS',
    httpHeaders: [{ name: 'Host', value: 'shop.example' }],
  }
  expect(read({ httpGet, timeoutSeconds: 7 })).toEqual({ httpGet, timeoutSeconds: 7 })
  expect(read({ tcpSocket: { port: 5432 }, timeoutSeconds: 2 })).toEqual({
    tcpSocket: { port: 5432 },
    timeoutSeconds: 2,
  })
})

test('there may be none', () => {
  expect(readProbes('{}')?.size).toBe(0)
})

test.each([
  ['two kinds', { httpGet: { port: 80 }, tcpSocket: { port: 80 } }],
  ['no kind', { timeoutSeconds: 1 }],
  ['another member', { tcpSocket: { port: 80 }, exec: {} }],
  ['a port by name', { tcpSocket: { port: 'http' } }],
  ['a port beyond all', { tcpSocket: { port: 65_536 } }],
  ['no time', { tcpSocket: { port: 80 }, timeoutSeconds: 0 }],
  [
    'a header that splits',
    { httpGet: { port: 80, httpHeaders: [{ name: 'a', value: 'b\r\nc: d' }] } },
  ],
  ['a header without a name', { httpGet: { port: 80, httpHeaders: [{ name: '', value: 'b' }] } }],
  ['another scheme', { httpGet: { port: 80, scheme: 'FTP' } }],
])('a probe with %s is refused', (_, probe) => {
  expect(read(probe)).toBeUndefined()
})

test.each(['/readyz', '/probes/app/other', '/probes//liveness', '/probes/../policy/liveness'])(
  'the path %s is refused',
  (at) => {
    expect(readProbes(JSON.stringify({ [at]: { tcpSocket: { port: 80 } } }))).toBeUndefined()
  },
)

test.each(['', 'x', '[]', 'null'])('%j is no map of probes', (text) => {
  expect(readProbes(text)).toBeUndefined()
})

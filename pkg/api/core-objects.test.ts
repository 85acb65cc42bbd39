import { describe, expect, test } from 'vitest'
import { readCoreObject } from './core-objects.ts'

const metadata = { name: 'payments', namespace: 'shop', uid: 'u', managedFields: [], extra: 1 }
const meta = { name: 'payments', namespace: 'shop', uid: 'u', resourceVersion: '' }

function objectOf(kind: string, rest: object) {
  const read = readCoreObject(kind, { apiVersion: 'v1', kind, metadata, ...rest })
  return 'object' in read ? read.object : read.findings
}

describe('a Service', () => {
  test('keeps addresses, TCP ports with their defaults, and the selector', () => {
    const ports = [
      { name: 'http', port: 80, targetPort: 'web' },
      { port: 81, protocol: 'TCP' },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ]
    const spec = { clusterIPs: ['10.0.0.1', 'fd00::1'], selector: { app: 'a' }, ports, extra: {} }
    expect(objectOf('Service', { spec })).toEqual({
      kind: 'Service',
      metadata: meta,
      spec: {
        clusterIPs: ['10.0.0.1', 'fd00::1'],
        selector: { app: 'a' },
        ports: [
          { name: 'http', port: 80, targetPort: 'web' },
          { name: '', port: 81, targetPort: 81 },
        ],
      },
    })
  })

  test.each([
    ['headless: no addresses', { clusterIP: 'None', selector: { a: 'b' } }, [], true],
    ['one address', { clusterIP: '10.0.0.1' }, ['10.0.0.1'], false],
    ['an empty selector selects nothing', { selector: {} }, [], false],
    ['of an ExternalName it counts not', { type: 'ExternalName', selector: { a: 'b' } }, [], false],
  ])('%s', (_, spec, clusterIPs, selects) => {
    const service = objectOf('Service', { spec })
    expect(service).toMatchObject({ spec: { clusterIPs } })
    expect('spec' in service && 'selector' in service.spec).toBe(selects)
  })
})

describe('a Pod', () => {
  test('keeps its account, addresses and the named TCP ports of what runs beside each other', () => {
    const spec = {
      serviceAccountName: 'payments',
      hostNetwork: true,
      containers: [
        {
          ports: [
            { name: 'web', containerPort: 80 },
            { containerPort: 81 },
            { name: 'dns', containerPort: 53, protocol: 'UDP' },
          ],
        },
      ],
      initContainers: [
        { restartPolicy: 'Always', ports: [{ name: 'side', containerPort: 82 }] },
        { ports: [{ name: 'once', containerPort: 83 }] },
      ],
    }
    const status = { podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::2' }] }
    expect(objectOf('Pod', { spec, status })).toEqual({
      kind: 'Pod',
      metadata: meta,
      spec: {
        serviceAccountName: 'payments',
        hostNetwork: true,
        ports: [
          { name: 'web', containerPort: 80 },
          { name: 'side', containerPort: 82 },
        ],
      },
      status: { podIPs: ['10.1.0.1', 'fd00::2'] },
    })
  })

  test('that names no account has the account default, and one not started has no address', () => {
    expect(objectOf('Pod', {})).toMatchObject({
      spec: { serviceAccountName: 'default', hostNetwork: false, ports: [] },
      status: { podIPs: [] },
    })
  })
})

test.each([
  [
    'a port over 65535',
    'Service',
    { spec: { ports: [{ port: 70_000 }] } },
    ['spec', 'ports', 0, 'port'],
  ],
  [
    'a port as text',
    'Service',
    { spec: { ports: [{ port: '80' }] } },
    ['spec', 'ports', 0, 'port'],
  ],
  ['a selector of numbers', 'Service', { spec: { selector: { a: 1 } } }, ['spec', 'selector', 'a']],
  ['a list for a pod spec', 'Pod', { spec: [] }, ['spec']],
  [
    'an account that is no text',
    'Pod',
    { spec: { serviceAccountName: 1 } },
    ['spec', 'serviceAccountName'],
  ],
  ['metadata that is a text', 'Pod', { metadata: 'a' }, ['metadata']],
])('%s is a problem', (_, kind, rest, path) => {
  expect(objectOf(kind, rest)).toEqual([expect.objectContaining({ path })])
})

import { expect, test } from 'vitest'
import type { EventFacts } from '../kube/event-object.ts'
import type { Outcome } from './reconcile.ts'
import type { Resource } from './sources/snapshot.ts'
import { createUnknownKeys } from './unknown-keys.ts'

interface Marks {
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

const pod = (marks: Marks, namespace = 'shop'): Resource => ({
  kind: 'Pod',
  metadata: { name: 'orders-0', namespace, uid: 'pod-uid', resourceVersion: '', ...marks },
  spec: { serviceAccountName: 'orders', hostNetwork: false, ports: [] },
  status: { podIPs: [] },
})
const namespace = (marks: Marks): Resource => ({
  kind: 'Namespace',
  metadata: { name: 'shop', namespace: '', uid: 'namespace-uid', resourceVersion: '', ...marks },
})

/** What is told of each view in its turn. */
function toldOf(...views: readonly (readonly Resource[])[]): EventFacts[][] {
  const told: EventFacts[] = []
  const tell = createUnknownKeys(
    {
      record: (facts) => told.push(facts),
      counts: () => ({ sent: 0, repeated: 0, dropped: 0 }),
      close: () => Promise.resolve(),
    },
    'tokenward-system',
  )
  return views.map((resources) => {
    const snapshot = { resources } as unknown as Outcome['snapshot']
    tell({ snapshot, verdicts: [] })
    return told.splice(0)
  })
}

test.each<readonly [string, Resource, string | undefined]>([
  [
    'a mistyped annotation of a pod',
    pod({ annotations: { 'tokenward.dev/unmached': 'deny' } }),
    'annotation tokenward.dev/unmached of the pod means nothing there and is not read; did you mean tokenward.dev/unmatched?',
  ],
  [
    'a mistyped label of a pod',
    pod({ labels: { 'tokenward.dev/injct': 'enabled' } }),
    'label tokenward.dev/injct of the pod means nothing there and is not read; did you mean tokenward.dev/inject?',
  ],
  [
    'two of them, in one Event',
    pod({ labels: { 'tokenward.dev/a': '' }, annotations: { 'tokenward.dev/b': '' } }),
    'label tokenward.dev/a of the pod means nothing there and is not read; annotation tokenward.dev/b of the pod means nothing there and is not read',
  ],
  [
    "a pod's annotation at a namespace",
    namespace({ annotations: { 'tokenward.dev/inbound': '8080' } }),
    'annotation tokenward.dev/inbound of the namespace means nothing there and is not read: it is an annotation of the pod',
  ],
  ['a known annotation', pod({ annotations: { 'tokenward.dev/inbound': '8080' } }), undefined],
  ['a mark of the webhook', pod({ annotations: { 'tokenward.dev/trust-hash': 'x' } }), undefined],
  ['the label of a namespace', namespace({ labels: { 'tokenward.dev/inject': 'x' } }), undefined],
  ['a key of somebody else', pod({ labels: { 'example.com/injct': 'x' } }), undefined],
  [
    'a pod of the control plane',
    pod({ labels: { 'tokenward.dev/a': '' } }, 'tokenward-system'),
    undefined,
  ],
])('%s is told, or not', (_what, resource, note) => {
  const [told] = toldOf([resource])
  expect(told?.map((one) => one.note)).toEqual(note === undefined ? [] : [note])
})

test('the Event is a warning at the object itself', () => {
  const marks = { labels: { 'tokenward.dev/a': '' } }
  const [told] = toldOf([pod(marks), namespace(marks)])
  const facts = { type: 'Warning', reason: 'UnknownKey', action: 'Read' }
  expect(told).toMatchObject([
    {
      ...facts,
      regarding: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: 'shop',
        name: 'orders-0',
        uid: 'pod-uid',
      },
    },
    {
      ...facts,
      regarding: { apiVersion: 'v1', kind: 'Namespace', name: 'shop', uid: 'namespace-uid' },
    },
  ])
  expect(told?.[1]?.regarding).not.toHaveProperty('namespace')
})

test('it is told once, also when the object changes otherwise, and anew for another key', () => {
  const first = { labels: { 'tokenward.dev/a': '' } }
  const told = toldOf(
    [pod(first)],
    [pod(first)],
    [pod({ labels: { ...first.labels, app: 'orders' } })],
    [pod({ labels: { 'tokenward.dev/b': '' } })],
  )
  expect(told.map(({ length }) => length)).toEqual([1, 0, 0, 1])
})

import { expect, test } from 'vitest'
import { injectConfig, namespaceOf } from '../../../test/support/pods.ts'
import { readPod } from './pod.ts'
import { select } from './select.ts'

const cases: readonly (readonly [string, string | undefined, string | undefined, string])[] = [
  ['neither says anything', undefined, undefined, 'not_selected'],
  ['only the namespace wants it', 'enabled', undefined, 'inject'],
  ['the namespace demands it', 'required', undefined, 'inject'],
  ['only the pod wants it', undefined, 'enabled', 'inject'],
  ['the pod wants it where the namespace does not', 'disabled', 'enabled', 'inject'],
  ['the pod does not want it', 'enabled', 'disabled', 'disabled'],
  ['the pod does not want it, and must', 'required', 'disabled', 'refuse'],
  ['the namespace does not want it', 'disabled', undefined, 'not_selected'],
  ['the namespace says something else', 'true', undefined, 'refuse'],
  ['the namespace says something else, whatever the pod says', 'Required', 'disabled', 'refuse'],
  ['the pod says something else', 'enabled', 'true', 'refuse'],
  ['the pod alone says something else', undefined, 'yes', 'refuse'],
  ['the pod says nothing with many words', 'required', '', 'refuse'],
]

test.each(cases)('%s', (_what, ofNamespace, ofPod, expected) => {
  const label = (value: string | undefined): Record<string, string> =>
    value === undefined ? {} : { 'tokenward.dev/inject': value }
  const pod = readPod({ metadata: { labels: label(ofPod) }, spec: {} })
  const selection = select(pod, namespaceOf(label(ofNamespace)), injectConfig)
  expect(selection.kind === 'skip' ? selection.reason : selection.kind).toBe(expected)
})

test('a pod of the control plane gets none, whatever labels say', () => {
  const pod = readPod({ metadata: { labels: { 'tokenward.dev/inject': 'enabled' } }, spec: {} })
  const own = { ...namespaceOf(), name: injectConfig.namespace }
  expect(select(pod, own, injectConfig)).toMatchObject({ kind: 'skip', reason: 'own_namespace' })
})

import { expect, test } from 'vitest'
import { createMetrics } from '../telemetry/metrics.ts'
import { measureReflectors } from './measure.ts'

const zero = { lists: 0, watches: 0, events: 0, badLines: 0, failures: 0 }

test('what is counted is shown by kind, added up where a kind is followed twice', async () => {
  const metrics = createMetrics()
  const pods = { lists: 1, watches: 2, events: 3, badLines: 4, failures: 5 }
  measureReflectors(metrics, () => [
    ['Pod', pods],
    ['Secret', { ...zero, lists: 1 }],
    ['Secret', { ...zero, lists: 2 }],
  ])
  const shown = async (): Promise<string[]> =>
    (await metrics.text()).split('\n').filter((line) => /Pod|lists_total\{kind="S/.test(line))
  const first = [
    'tokenward_kube_events_total{kind="Pod"} 3',
    'tokenward_kube_lists_total{kind="Pod"} 1',
    'tokenward_kube_lists_total{kind="Secret"} 3',
    'tokenward_kube_watches_total{kind="Pod"} 2',
    'tokenward_kube_bad_lines_total{kind="Pod"} 4',
    'tokenward_kube_failures_total{kind="Pod"} 5',
  ]
  expect(await shown()).toEqual(first)
  pods.events = 7
  expect(await shown()).toEqual([first[0]?.replace('3', '7'), ...first.slice(1)])
  expect(await metrics.text()).toContain('# TYPE tokenward_kube_events_total counter')
})

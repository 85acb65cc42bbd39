import type { Metrics } from '../telemetry/metrics.ts'
import type { ReflectorCounts } from './reflector.ts'

export type CountsOfKind = readonly [kind: string, counts: ReflectorCounts]

const rows: readonly (readonly [keyof ReflectorCounts, string, string])[] = [
  ['events', 'events', 'Changes that watches brought, by kind.'],
  ['lists', 'lists', 'Lists asked for, by kind.'],
  ['watches', 'watches', 'Watches asked for, by kind.'],
  ['badLines', 'bad_lines', 'Lines of watches that could not be read, by kind.'],
  ['failures', 'failures', 'Lists and watches that failed, by kind.'],
]

/** How the API server is followed. Reflectors of one kind are one number. */
export function measureReflectors(metrics: Metrics, read: () => Iterable<CountsOfKind>): void {
  for (const [key, name, help] of rows) {
    metrics.total({
      name: `tokenward_kube_${name}_total`,
      help,
      labels: ['kind'],
      *read() {
        for (const [kind, counts] of read()) yield [{ kind }, counts[key]]
      },
    })
  }
}

import type { Index } from '../discovery/index.ts'
import { measureReflectors, type CountsOfKind } from '../kube/measure.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Outcome } from './reconcile.ts'

/** The controller's own numbers; streams have theirs. */
export function measure(options: {
  readonly metrics: Metrics
  readonly index: Index
  /** Of the serving certificate; undefined while there is none. */
  readonly certificateEnds: () => Date | undefined
  /** What is wrong and needs somebody, beside the resources. */
  readonly problems: () => readonly string[]
  /** Of what is followed; nothing of a folder. */
  readonly counts: () => readonly CountsOfKind[]
}): { round(durationMs: number): void; outcome(outcome: Outcome): void } {
  const { metrics, index, certificateEnds } = options
  const rounds = metrics.histogram({
    name: 'tokenward_controller_compile_seconds',
    help: 'From a new view to its publication.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
  })
  const resources = metrics.gauge({
    name: 'tokenward_controller_resources',
    help: 'Resources in the view, by kind.',
    labels: ['kind'],
  })
  const refused = metrics.gauge({
    name: 'tokenward_controller_resources_not_accepted',
    help: 'Custom resources that allow nothing, because they are not understood or contradicted.',
  })
  const problems = metrics.gauge({
    name: 'tokenward_controller_file_problems',
    help: 'Problems in files whose last whole state is in use.',
  })
  metrics.gauge({
    name: 'tokenward_controller_view_age_seconds',
    help: 'How long ago the view was known to be right.',
    collect: (gauge) => gauge.set(index.ageMs() / 1000),
  })
  metrics.gauge({
    name: 'tokenward_controller_problems',
    help: 'Things that are wrong and need somebody; the log and /readyz name them.',
    collect: (gauge) => gauge.set(options.problems().length),
  })
  metrics.gauge({
    name: 'tokenward_controller_certificate_end_seconds',
    help: 'When the serving certificate ends, in seconds since 1970.',
    collect(gauge) {
      const ends = certificateEnds()
      if (ends !== undefined) gauge.set(ends.getTime() / 1000)
    },
  })

  measureReflectors(metrics, options.counts)

  return {
    round: (durationMs) => rounds.observe(durationMs / 1000),
    outcome({ snapshot, verdicts }) {
      resources.reset()
      for (const { kind } of snapshot.resources) resources.inc({ kind })
      const isRefused = ({ conditions }: Outcome['verdicts'][number]): boolean =>
        conditions.some(({ type, status }) => type === 'Accepted' && status === 'False')
      refused.set(verdicts.filter(isRefused).length + snapshot.conflicts.length)
      problems.set(snapshot.problems.length)
    },
  }
}

import { createIndex, type Index } from '../discovery/index.ts'
import { createGuardedFetch } from '../issuers/guarded-fetch.ts'
import { createKeySource, type KeySource } from '../issuers/key-source.ts'
import type { CountsOfKind } from '../kube/measure.ts'
import type { KeysSection } from '../policy/workload-policy.ts'
import type { Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { createAnnouncer } from './announce.ts'
import { measure } from './measure.ts'
import { createReconciler, type Outcome } from './reconcile.ts'
import type { StatusWriter } from './said.ts'
import type { Snapshot, Trust } from './sources/snapshot.ts'

/** What a controller is, wherever its resources come from. */
export interface Core {
  readonly metrics: Metrics
  readonly index: Index
  /** A newer view; false where it could not be compiled. */
  take(snapshot: Snapshot): boolean
  /** What is said of resources may have changed. */
  again(): void
  /** Of the view that was taken last. */
  trust(): Trust | undefined
  close(): Promise<void>
}

export interface CoreOptions {
  readonly trustDomain: string
  readonly clusterDomain: string
  readonly allowPrivateIssuers: boolean
  readonly keys: () => KeysSection
  /** Of the serving certificate. */
  readonly certificateEnds: () => Date | undefined
  readonly openStatus: (parts: {
    readonly index: Index
    readonly keySource: KeySource
  }) => StatusWriter
  /** What is wrong around it; absent: nothing is looked at. */
  readonly problems?: () => readonly string[]
  /** How its objects are followed; absent: they are not followed. */
  readonly counts?: () => readonly CountsOfKind[]
  readonly onOutcome?: (outcome: Outcome) => void
  readonly log: Log
}

/** The one loop and what stands around it; no port and no source yet. */
export function createCore(options: CoreOptions): Core {
  const { trustDomain, clusterDomain, log } = options
  const metrics = createMetrics()
  const index = createIndex({ monotonicMs: () => performance.now() })
  const fetch = createGuardedFetch({ allowPrivate: options.allowPrivateIssuers })
  const keySource = createKeySource({
    fetch,
    log,
    onChange: () => {
      reconciler.again()
      status.again()
    },
  })
  const status = options.openStatus({ index, keySource })
  const { certificateEnds, problems = () => [], counts = () => [] } = options
  const measured = measure({ metrics, index, certificateEnds, problems, counts })
  const announce = createAnnouncer(log)
  let trust: Trust | undefined
  const reconciler = createReconciler({
    index,
    keySource,
    keys: options.keys,
    domains: { trustDomain, clusterDomain },
    log,
    onRound: (durationMs) => measured.round(durationMs),
    onOutcome: (outcome) => {
      trust = outcome.snapshot.trust
      measured.outcome(outcome)
      announce(outcome)
      status.take(outcome)
      options.onOutcome?.(outcome)
    },
  })
  index.onAcknowledged(() => status.again())

  return {
    metrics,
    index,
    take: (snapshot) => reconciler.take(snapshot),
    again: () => status.again(),
    trust: () => trust,
    async close() {
      await status.close()
      keySource.close()
      await fetch.close()
    },
  }
}

import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import type { ProxyStats } from './forward/core.ts'
import type { Handles } from './handles.ts'
import type { FrontCounts } from './intercept/inbound-front.ts'
import type { OutboundCounts } from './outbound.ts'
import type { PolicyState } from './policy-state.ts'
import type { DecisionRecord } from './record.ts'
import type { Tokens } from './tokens.ts'

export interface MetricSources {
  readonly records: readonly DecisionRecord[]
  readonly counts: OutboundCounts
  readonly frontCounts: FrontCounts
  /** Addresses at which the app answers past its sidecar. */
  readonly bypasses: () => number
  readonly isIntercepting: () => boolean
  readonly tokens: Pick<Tokens, 'counts' | 'size' | 'bytes'>
  readonly handles: Pick<Handles, 'running' | 'bytes'>
  readonly state: Pick<PolicyState, 'verified'>
  readonly ageMs: () => number
  readonly connected: () => boolean
  readonly stats: () => readonly Readonly<ProxyStats>[]
}

/** A number that only grows, shown as a counter: what it grew by since the last scrape is added. */
interface Followed {
  /** Label values -> the number now. */
  readonly read: () => Iterable<readonly [Readonly<Record<string, string>>, number]>
  readonly inc: (labels: Readonly<Record<string, string>>, by: number) => void
}

/**
 * The sidecar's metrics. Everything is counted in plain numbers on the hot path and read at a scrape;
 * labels hold words of ours only, never anything from the wire.
 */
export function exposeMetrics(sources: MetricSources): Pick<Metrics, 'text' | 'contentType'> {
  const metrics = createMetrics()
  const followed: Followed[] = []
  const seen = new Map<string, number>()

  const counter = (
    name: string,
    { help, labels = [] }: { readonly help: string; readonly labels?: readonly string[] },
    read: Followed['read'],
  ): void => {
    const made = metrics.counter(`tokenward_sidecar_${name}`, help, labels)
    followed.push({
      read,
      inc: (values, by) => {
        made.inc(values, by)
      },
    })
  }
  const single = (name: string, help: string, read: () => number): void => {
    counter(name, { help }, () => [[{}, read()]])
  }
  const gauge = (name: string, help: string, read: () => number): void => {
    metrics.gauge({
      name: `tokenward_sidecar_${name}`,
      help,
      collect: (made) => {
        made.set(read())
      },
    })
  }
  const total = (key: keyof ProxyStats) => (): number =>
    sources.stats().reduce((sum, stats) => sum + stats[key], 0)

  const { counts, tokens, handles, state } = sources
  counter(
    'decisions_total',
    { help: 'Requests that were judged.', labels: ['direction', 'reason'] },
    function* () {
      for (const { direction, counts: made } of sources.records) {
        yield [{ direction, reason: 'allowed' }, made.allowed] as const
        for (const [reason, count] of made.refused) yield [{ direction, reason }, count] as const
      }
    },
  )
  single('own_credential_total', 'Calls with a credential of the app.', () => counts.ownCredential)
  single(
    'tokens_kept_total',
    'Tokens for this workload that did not leave.',
    () => counts.tokensKept,
  )
  single('unmatched_total', 'Calls to destinations that no policy names.', () => counts.unmatched)
  const { frontCounts } = sources
  single('strayed_total', 'Connections that were not for here.', () => frontCounts.strayed)
  single(
    'app_tls_total',
    'TLS of the app to a destination of its policy.',
    () => frontCounts.appTls,
  )
  single('spliced_total', 'Connections that went on untouched.', () => frontCounts.spliced)
  single('token_hits_total', 'Outbound tokens from the cache.', () => tokens.counts.hits)
  single('token_misses_total', 'Outbound tokens asked for.', () => tokens.counts.misses)
  single('token_renewals_total', 'Outbound tokens renewed ahead.', () => tokens.counts.renewals)
  single('token_failures_total', 'Outbound tokens not had.', () => tokens.counts.failures)
  single('connections_total', 'Connections of callers.', total('connections'))
  single('requests_total', 'Requests that were read.', total('requests'))
  single(
    'upstream_connections_total',
    'Connections to apps and targets.',
    total('upstreamConnections'),
  )
  single('upstream_reused_total', 'Requests on a kept connection.', total('upstreamReused'))
  gauge('connections', 'Connections of callers now.', total('active'))
  gauge('tokens', 'Outbound tokens in the cache.', () => tokens.size)
  gauge('tokens_bytes', 'What they cost.', () => tokens.bytes)
  gauge('verified_tokens', 'Verified tokens in the cache.', () => state.verified().size)
  gauge('verified_tokens_bytes', 'What they cost.', () => state.verified().bytes)
  gauge('inbound_running', 'Requests of callers that run.', () => handles.running)
  gauge('subjects_bytes', 'What the subjects of requests cost.', () => handles.bytes)
  gauge('bypass_possible', 'Addresses where the app answers past us.', sources.bypasses)
  gauge('intercepting', '0 while connections go past us.', () => Number(sources.isIntercepting()))
  gauge(
    'policy_age_seconds',
    'Age of the controller that was last heard.',
    () => sources.ageMs() / 1_000,
  )
  gauge('discovery_connected', '1 while a controller is connected.', () =>
    Number(sources.connected()),
  )

  return {
    contentType: metrics.contentType,
    text() {
      for (const [index, { read, inc }] of followed.entries()) {
        for (const [labels, now] of read()) {
          const key = `${index} ${Object.values(labels).join(' ')}`
          inc(labels, now - (seen.get(key) ?? 0))
          seen.set(key, now)
        }
      }
      return metrics.text()
    },
  }
}

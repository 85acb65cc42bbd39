import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter
  /** A counter of what is counted elsewhere: `read` gives all of it at each scrape; same labels add up. */
  total(options: {
    readonly name: string
    readonly help: string
    readonly labels: readonly string[]
    readonly read: () => Iterable<readonly [Readonly<Record<string, string>>, number]>
  }): void
  /** `collect` runs at each scrape: what is counted elsewhere costs nothing between scrapes. */
  gauge(options: {
    readonly name: string
    readonly help: string
    readonly labels?: readonly string[]
    readonly collect?: (gauge: Gauge) => void
  }): Gauge
  histogram(options: {
    readonly name: string
    readonly help: string
    readonly labels?: readonly string[]
    readonly buckets: readonly number[]
  }): Histogram
  /** The Prometheus text exposition. */
  text(): Promise<string>
  readonly contentType: string
}

/** A registry of its own, so that two processes' worth of metrics can live in one test. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  return {
    counter: (name, help, labels = []) =>
      new Counter({ name, help, labelNames: [...labels], registers }),
    total({ name, help, labels, read }) {
      void new Counter({
        name,
        help,
        labelNames: [...labels],
        registers,
        collect(this: Counter) {
          this.reset()
          for (const [row, value] of read()) this.inc(row, value)
        },
      })
    },
    gauge: ({ name, help, labels = [], collect }) =>
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        ...(collect === undefined
          ? {}
          : {
              collect(this: Gauge) {
                collect(this)
              },
            }),
      }),
    histogram: ({ name, help, labels = [], buckets }) =>
      new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers }),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}

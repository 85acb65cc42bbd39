/** The tables of docs/performance.md, and whether the bars are met. */
import { readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { median, minimum, percentile } from './stats.ts'

export interface Row {
  readonly name: string
  /** Microseconds of CPU per request. */
  readonly minimum: number
  readonly median: number
}

export interface Figures {
  readonly rows: readonly Row[]
  /** Microseconds of CPU per operation, a value a round. */
  readonly bare: readonly number[]
  readonly fresh: readonly number[]
  readonly repeated: readonly number[]
  /** Milliseconds. */
  readonly edits: readonly number[]
  readonly starts: readonly number[]
  readonly idleMiB: number
  readonly loadedMiB: number
  readonly rounds: number
  readonly seconds: number
  readonly connections: number
}

interface Bar {
  readonly what: string
  readonly got: number
  readonly bar: number
  readonly reach: number
  readonly unit: string
}

const page = 'docs/performance.md'
const begin = '<!-- make bench writes from here -->'
const end = '<!-- to here -->'

function bars(figures: Figures): readonly Bar[] {
  const of = (name: string): number => figures.rows.find((row) => row.name === name)?.median ?? NaN
  const inbound = of('inbound, 500 tokens in turn')
  const ratio = (
    what: string,
    got: number,
    against: number,
    [bar, reach]: [number, number],
  ): Bar[] => (Number.isNaN(against) ? [] : [{ what, got: got / against, bar, reach, unit: '' }])
  return [
    ...ratio(
      'inbound, of Envoy jwt_authn ES256 with cache and RBAC',
      inbound,
      of('Envoy jwt_authn ES256, cache, RBAC'),
      [0.7, 0.45],
    ),
    ...ratio(
      'inbound, of HAProxy jwt_verify ES256',
      inbound,
      of('HAProxy jwt_verify ES256'),
      [0.4, 0.2],
    ),
    ...ratio(
      'outbound, of Envoy plain',
      of('outbound, token cached'),
      of('Envoy plain'),
      [0.9, 0.6],
    ),
    ...ratio(
      'refused (bad signature), of Envoy jwt_authn ES256',
      of('inbound, refused (bad signature)'),
      of('Envoy jwt_authn ES256'),
      [1.1, 1.0],
    ),
    ...ratio(
      'exchange, new subject token, of one ES256 verify and one sign',
      median(figures.fresh),
      median(figures.bare),
      [2.0, 1.5],
    ),
    ...ratio(
      'exchange, subject token seen before, of the same',
      median(figures.repeated),
      median(figures.bare),
      [2.0, 1.5],
    ),
    {
      what: 'edit of a policy to enforcement, p99',
      got: percentile(figures.edits, 0.99),
      bar: 1000,
      reach: 250,
      unit: ' ms',
    },
    {
      what: 'sidecar memory, anonymous, idle',
      got: figures.idleMiB,
      bar: 30,
      reach: 20,
      unit: ' MiB',
    },
    {
      what: 'sidecar memory, anonymous, loaded',
      got: figures.loadedMiB,
      bar: 64,
      reach: 40,
      unit: ' MiB',
    },
    {
      what: 'sidecar start to ready, median',
      got: median(figures.starts),
      bar: 500,
      reach: 250,
      unit: ' ms',
    },
  ]
}

function fixed(value: number, unit: string): string {
  return `${value.toFixed(unit === '' ? 2 : unit === ' ms' ? 0 : 1)}${unit}`
}

function tables(figures: Figures): string {
  const cpu = os.cpus()[0]?.model ?? 'unknown processor'
  const rows = figures.rows.map(
    (row) => `| ${row.name} | ${row.minimum.toFixed(1)} | ${row.median.toFixed(1)} |`,
  )
  const extra = (name: string, values: readonly number[]): string =>
    `| ${name} | ${minimum(values).toFixed(1)} | ${median(values).toFixed(1)} |`
  const judged = bars(figures).map(({ what, got, bar, reach, unit }) => {
    const verdict = got <= reach ? 'reached' : got <= bar ? 'met' : '**missed**'
    return `| ${what} | ${fixed(got, unit)} | ${fixed(bar, unit)} | ${fixed(reach, unit)} | ${verdict} |`
  })
  return [
    `${new Date().toISOString().slice(0, 10)}, ${cpu}, ${os.cpus().length} cores, Node.js ${process.version}; ` +
      `${figures.rounds} rounds of ${figures.seconds} s, ${figures.connections} connections, 1 KiB answers.`,
    '',
    '| | measured | bar | reaching for | |',
    '| --- | --- | --- | --- | --- |',
    ...judged,
    '',
    '| CPU, microseconds per request | minimum | median |',
    '| --- | --- | --- |',
    ...rows,
    extra('ES256 sign and verify, bare node:crypto', figures.bare),
    extra('token exchange, a new subject token each', figures.fresh),
    extra('token exchange, subject tokens seen before', figures.repeated),
    '',
    `Edit to enforcement: median ${median(figures.edits).toFixed(0)} ms, p99 ${percentile(figures.edits, 0.99).toFixed(0)} ms, ` +
      `of ${figures.edits.length} edits.`,
  ].join('\n')
}

/** Prints the tables and writes them into the page. False where a bar is missed. */
export function writeReport(figures: Figures): boolean {
  const text = tables(figures)
  console.log(`\n${text}\n`)
  const old = readFileSync(page, 'utf8')
  const [from, to] = [old.indexOf(begin), old.indexOf(end)]
  if (from < 0 || to < 0) throw new Error(`${page} has no place for the tables`)
  writeFileSync(page, `${old.slice(0, from + begin.length)}\n${text}\n${old.slice(to)}`)
  return bars(figures).every(({ got, bar }) => got <= bar)
}

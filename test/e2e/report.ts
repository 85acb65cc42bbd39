/** What the run says: sections with their times, checks, figures, and the counts of the last line. */
import { styleText } from 'node:util'

export interface Figure {
  readonly name: string
  readonly value: string
  /** What it must hold; absent where the figure is only told. */
  readonly bar?: string
  /** How much of its bar it is: over 1 misses it. */
  readonly ofBar?: number
}

/** A busy machine doubles what takes time on a quiet one; more than that is a failure of ours. */
const worstOfBar = 2

const started = performance.now()
export const counts = { passed: 0, failed: 0, skipped: 0 }
const figures: Figure[] = []
const failures: string[] = []
let section = ''

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`
}

function paint(color: 'green' | 'red' | 'yellow' | 'bold', text: string): string {
  return styleText(color, text, { stream: process.stdout })
}

/** Runs a part of the run. What it throws is one failed check; the parts after it still run. */
export async function part(name: string, run: () => Promise<void>): Promise<boolean> {
  section = name
  const start = performance.now()
  console.log(paint('bold', `\n== ${name}`))
  let done = true
  try {
    await run()
  } catch (error) {
    done = false
    fail(name, error)
  }
  console.log(`   ${seconds(start)} (${seconds(started)} in all)`)
  return done
}

/** One thing that must hold: what it throws says how it does not; what it gives is told beside it. */
export async function check(
  name: string,
  run: () => Promise<string | void> | string | void,
): Promise<boolean> {
  const start = performance.now()
  try {
    const note = await run()
    counts.passed += 1
    const why = note === undefined ? '' : `: ${note}`
    console.log(`${paint('green', '  ok')}      ${name}${why} (${seconds(start)})`)
    return true
  } catch (error) {
    fail(name, error)
    return false
  }
}

export function skip(name: string, why: string): void {
  counts.skipped += 1
  console.log(`${paint('yellow', '  skipped')} ${name}: ${why}`)
}

function fail(name: string, error: unknown): void {
  counts.failed += 1
  const words = error instanceof Error ? error.message : String(error)
  failures.push(`${section}: ${name}\n    ${words.split('\n').join('\n    ')}`)
  console.log(`${paint('red', '  FAILED')}  ${name}: ${words}`)
}

/** Counts of another runner whose last line is `N passed, N failed, N skipped`. */
export function adopt(name: string, output: string): void {
  const line = /^(\d+) passed, (\d+) failed, (\d+) skipped$/m
  const [, passed, failed, skipped] = line.exec(output.trimEnd().split('\n').at(-1) ?? '') ?? []
  if (passed === undefined) throw new Error(`${name} gave no closing line:\n${output.slice(-2000)}`)
  counts.passed += Number(passed)
  counts.failed += Number(failed)
  counts.skipped += Number(skipped)
  if (Number(failed) > 0) failures.push(`${name}: ${failed} failed`)
}

/** A number of the report; one that is far over its bar is a failed check. */
export function figure(told: Figure): void {
  figures.push(told)
  const { ofBar } = told
  if (ofBar === undefined) return
  if (ofBar <= worstOfBar) counts.passed += 1
  else fail(told.name, `${told.value}, the bar is ${told.bar}`)
}

export function say(text: string): void {
  console.log(`          ${text}`)
}

/** Prints the figures, what failed and the counts; gives whether all is well. */
export function finish(): boolean {
  console.log(paint('bold', '\n== figures'))
  const width = Math.max(0, ...figures.map(({ name }) => name.length))
  for (const { name, value, bar, ofBar } of figures) {
    const good = ofBar === undefined || ofBar <= 1
    const mark = ofBar === undefined ? ' ' : good ? paint('green', '●') : paint('red', '✗')
    const held = bar === undefined ? '' : `  (${good ? 'bar' : 'OVER its bar,'} ${bar})`
    console.log(`  ${mark} ${name.padEnd(width)}  ${value}${held}`)
  }
  if (failures.length > 0) console.log(paint('red', '\n== what failed'))
  for (const failure of failures) console.log(`  ${failure}`)
  console.log(`\n${seconds(started)}`)
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  return counts.failed === 0
}

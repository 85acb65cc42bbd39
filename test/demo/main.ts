/**
 * `make demo`: starts the whole system from a copy of examples/, drives real calls through it and prints
 * what was allowed and refused and why. Exit code 1 when anything differs from what was expected.
 */
import { styleText } from 'node:util'
import { readCompact } from '../../pkg/token/compact.ts'
import { describeToken } from '../../pkg/cli/describe-token.ts'
import { createRows, handleRow, type Outcome, type Row } from './rows.ts'
import { startShop } from './shop.ts'

const graceSeconds = 32
const widths = [47, 7, 5, 10, 10, 22] as const
const keep = process.argv.includes('--keep')
const started = performance.now()
const secondsOf = (): string => ((performance.now() - started) / 1000).toFixed(1)
const style = (how: Parameters<typeof styleText>[0], text: string): string =>
  styleText(how, text, { stream: process.stdout })

function line(cells: readonly string[]): string {
  return cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
}

const word = ({ status }: Outcome): string =>
  `${status < 400 ? 'allowed' : 'refused'} ${status}`.slice(0, 11)

/** Runs one row and prints it; says whether it came out as expected. */
async function show({ call, who, user, expected, run }: Row): Promise<boolean> {
  let got: Outcome
  try {
    got = await run()
  } catch (error) {
    got = { status: 0, reason: error instanceof Error ? error.message : String(error) }
  }
  const same =
    got.status === expected.status && (expected.reason === '' || got.reason === expected.reason)
  const text = line([call, who, user, word(expected), word(got), got.reason])
  const differs = `DIFFERS: expected ${expected.status} ${expected.reason}`
  const colour = got.status < 400 ? 'green' : 'yellow'
  console.log(same ? `${style(colour, '*')} ${text}` : style('red', `! ${text}\n  ${differs}`))
  return same
}

console.log(style('bold', 'Tokenward demo: a shop of four services, each behind its own sidecar\n'))
process.stdout.write('starting controller, authority, 4 sidecars, 4 apps and an OpenID issuer ... ')
const shop = await startShop(() => undefined)
console.log(`${secondsOf()} s, ${shop.record().processes.length} processes\n`)

let differ = 0
let total = 0
const run = async (row: Row): Promise<void> => {
  total += 1
  if (!(await show(row))) differ += 1
}
try {
  console.log(style('bold', `  ${line(['CALL', 'WHO', 'FOR', 'EXPECTED', 'GOT', 'REASON'])}`))
  const [purchase, ...rows] = await createRows(shop)
  if (purchase === undefined) throw new Error('there are no rows')
  await run(purchase)
  const purchased = performance.now()
  const handle = shop.taps.web.seen('POST /purchases')?.handle ?? ''
  const token = shop.taps.payments.seen('POST /charges')?.token
  for (const row of rows) await run(row)
  const waitMs = graceSeconds * 1000 - (performance.now() - purchased)
  process.stdout.write(
    style('dim', `  waiting ${(waitMs / 1000).toFixed(0)} s for her handle to expire\r`),
  )
  await new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, 0)))
  await run(handleRow(shop, handle))

  console.log(
    style('bold', "\nWhat payments received with alice's purchase, verified by its sidecar:\n"),
  )
  console.log(
    token === undefined ? 'no token' : describeToken(readCompact(token).payload, process.stdout),
  )
  if (token === undefined) differ += 1
  const verdict =
    differ === 0 ? style('green', 'all as expected') : style('red', `${differ} differ`)
  console.log(`\n${total} calls, ${verdict}, ${secondsOf()} s`)
  if (keep) {
    console.log(
      `\nstill running; state in ${shop.stateFolder}; web at ${shop.inbound('web')}; Ctrl+C ends it`,
    )
    await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  }
} finally {
  await shop.stop()
}
process.exitCode = differ === 0 ? 0 : 1

/**
 * `make demo`: starts the whole system from a copy of examples/, drives real calls through it and prints
 * what was allowed and refused and why. Exit code 1 when anything differs from what was expected.
 */
import { describeToken } from '../../pkg/cli/describe-token.ts'
import { readCompact } from '../../pkg/token/compact.ts'
import { chainOf } from './chain.ts'
import { createRows, handleRow, type Row } from './rows.ts'
import { startShop, type Shop } from './shop.ts'
import { head, show, style } from './table.ts'

/** The request's own 30 s and what the sidecar needs to see that they are over. */
const handleLifeMs = 31_000
const started = performance.now()

function seconds(): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}

async function countDown(untilMs: number): Promise<void> {
  const leftMs = (): number => untilMs - performance.now()
  if (leftMs() <= 0) return
  const words = (): string =>
    `  waiting ${Math.ceil(leftMs() / 1000)} s: her first request is to be long over`
  if (process.stdout.isTTY) {
    while (leftMs() > 0) {
      process.stdout.write(`\r${style('dim', words())} `)
      await new Promise((resolve) => setTimeout(resolve, Math.min(1000, Math.max(leftMs(), 0))))
    }
    process.stdout.write('\r\u001b[K')
  } else {
    console.log(words())
    await new Promise((resolve) => setTimeout(resolve, leftMs()))
  }
}

/** Runs and prints every row; gives how many came out as expected, and of how many. */
async function runRows(shop: Shop): Promise<{ good: number; total: number }> {
  const [purchase, ...rows] = await createRows(shop)
  if (purchase === undefined) throw new Error('there are no rows')
  let good = 0
  const run = async (row: Row): Promise<void> => {
    good += Number(await show(row))
  }
  console.log(head())
  await run(purchase)
  const overMs = performance.now() + handleLifeMs
  const handle = shop.taps.web.seen('POST /purchases')?.handle ?? 'none'
  await run(handleRow(shop, handle, 'fresh'))
  for (const row of rows) await run(row)
  await countDown(overMs)
  await run(handleRow(shop, handle, 'over'))
  return { good, total: rows.length + 3 }
}

const [web, orders] = ['web', 'orders'].map(
  (name) => `spiffe://local.tokenward.dev/ns/shop/sa/${name}`,
)
const expectedChain = `corp:alice, ${web}, ${orders}`

/** Prints what payments got with alice's purchase; says whether it is her, web and orders. */
function showChain(token: string | undefined): boolean {
  console.log(style('bold', "\nThe token that payments received with alice's purchase:\n"))
  if (token === undefined) {
    console.log('none')
    return false
  }
  const { payload } = readCompact(token)
  console.log(describeToken(payload, process.stdout))
  const chain = chainOf(payload).join(', ')
  if (chain !== expectedChain) console.log(style('red', `expected ${expectedChain}`))
  return chain === expectedChain
}

console.log(style('bold', 'Tokenward: a shop of four services, each behind its own sidecar\n'))
process.stdout.write('starting controller, authority, 4 sidecars, 4 apps and an OpenID issuer ... ')
const shop = await startShop()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void shop.stop().finally(() => process.exit(process.exitCode ?? 130)))
}
try {
  console.log(`${seconds()}\n`)
  const token = (): string | undefined => shop.taps.payments.seen('POST /charges')?.token
  const { good, total } = await runRows(shop)
  const whole = showChain(token()) && good === total
  const verdict = whole ? style('green', 'all as expected') : style('red', `${total - good} differ`)
  console.log(`\n${total} calls, ${verdict}, ${seconds()}`)
  process.exitCode = whole ? 0 : 1
  if (process.argv.includes('--keep')) {
    console.log(`still running: web is ${shop.inbound('web')}; Ctrl+C ends it`)
    console.log(`its folder is ${shop.folder}, its --state ${shop.stateFolder}`)
    await new Promise(() => undefined)
  }
} finally {
  await shop.stop()
}

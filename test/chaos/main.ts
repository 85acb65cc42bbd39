/**
 * `make chaos`: kills random processes of the shop (SIGKILL, KILLS=100) while its calls run. A call may
 * fail for a moment, saying so (502, 503, 504, or a connection that breaks); it may never be answered
 * wrongly: allowed where it must be refused, or refused where it must be allowed. Afterwards everything
 * must work again without help.
 */
import { send, type Call } from '../demo/call.ts'
import { startShop, type Shop } from '../demo/shop.ts'

const kills = Number(process.env['KILLS'] ?? 100)
const pauseMs = 1000
const recoveryMs = 60_000
const lanes = 4

/** 0 is a connection that broke. */
const away = new Set([0, 502, 503, 504])

interface Probe {
  readonly name: string
  readonly call: Call
  /** What it is answered when all is well. */
  readonly status: number
  readonly reason: string
}

async function probesOf(shop: Shop): Promise<readonly Probe[]> {
  const tokenOf = async (user: string): Promise<string> => {
    const { body } = await send({ method: 'GET', url: `${shop.issuer}/token/${user}` })
    return (body as { access_token: string }).access_token
  }
  const [alice, bob] = [await tokenOf('alice'), await tokenOf('bob')]
  const buy = (token?: string, path = '/purchases'): Call => ({
    method: 'POST',
    url: shop.inbound('web') + path,
    token,
    body: { item: 'teapot' },
  })
  const orders: Call = {
    method: 'DELETE',
    url: 'http://orders.shop/orders/1',
    proxy: shop.proxy('web'),
  }
  return [
    { name: 'alice buys', call: buy(alice), status: 201, reason: '' },
    { name: 'bob may not buy', call: buy(bob), status: 403, reason: 'insufficient_scope' },
    { name: 'nobody may not buy', call: buy(), status: 401, reason: 'no_token' },
    {
      name: 'a guest is nobody at payments',
      call: buy(undefined, '/guest/purchases'),
      status: 403,
      reason: 'delegation_required',
    },
    { name: 'web may not delete', call: orders, status: 403, reason: 'no_rule' },
    {
      name: 'a forged token',
      call: buy(`${alice.slice(0, -9)}AAAAAAAAA`),
      status: 401,
      reason: 'token_signature',
    },
  ]
}

type Outcome = 'right' | 'away' | 'wrong'

async function judge({ call, status, reason }: Probe): Promise<{ outcome: Outcome; got: string }> {
  const answer = await send(call).catch(() => ({ status: 0, reason: '' }))
  const got = `${answer.status} ${answer.reason}`.trim()
  if (answer.status === status && answer.reason === reason) return { outcome: 'right', got }
  return { outcome: away.has(answer.status) ? 'away' : 'wrong', got }
}

/** Kills one running process of ours, or an app; the issuer is not ours, and its keys die with it. */
function killOne(shop: Shop): string | undefined {
  const running = shop.record().processes.filter(({ name }) => name !== 'issuer')
  const victim = running[Math.floor(Math.random() * running.length)]
  if (victim === undefined) return undefined
  try {
    process.kill(victim.pid, 'SIGKILL')
    return victim.name
  } catch {
    return undefined
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const shop = await startShop()
try {
  const probes = await probesOf(shop)
  const tally: Record<Outcome, number> = { right: 0, away: 0, wrong: 0 }
  const wrong = new Map<string, number>()
  let over = false

  const lane = async (): Promise<void> => {
    for (let turn = 0; !over; turn++) {
      const probe = probes[turn % probes.length]
      if (probe === undefined) return
      const { outcome, got } = await judge(probe)
      tally[outcome] += 1
      if (outcome === 'away') await sleep(25)
      if (outcome === 'wrong') {
        const what = `${probe.name}: ${got} in place of ${probe.status} ${probe.reason}`
        wrong.set(what, (wrong.get(what) ?? 0) + 1)
      }
    }
  }
  const running = Array.from({ length: lanes }, lane)
  const killed = new Map<string, number>()
  for (let done = 0; done < kills;) {
    await sleep(pauseMs * (0.5 + Math.random()))
    const name = killOne(shop)
    if (name === undefined) continue
    done += 1
    killed.set(name, (killed.get(name) ?? 0) + 1)
    if (done % 20 === 0) console.log(`${done} kills, calls ${JSON.stringify(tally)}`)
  }
  over = true
  await Promise.all(running)

  const start = performance.now()
  let recovered = false
  while (!recovered && performance.now() - start < recoveryMs) {
    const outcomes = await Promise.all(probes.map(judge))
    recovered = outcomes.every(({ outcome }) => outcome === 'right')
    if (!recovered) await sleep(200)
  }
  const took = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`\nkilled: ${[...killed].map(([name, count]) => `${name} ${count}`).join(', ')}`)
  console.log(
    `calls: ${tally.right} right, ${tally.away} while something was away, ${tally.wrong} wrong`,
  )
  for (const [what, count] of wrong) console.log(`  WRONG ${count} x ${what}`)
  console.log(recovered ? `all well again ${took} s after the last kill` : 'NOT well again')
  process.exitCode = recovered && tally.wrong === 0 ? 0 : 1
} finally {
  await shop.stop()
}

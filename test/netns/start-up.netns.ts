/** A pod that starts: the sidecar first, `redirect` beside it, and the app once `redirect` has ended. */
import { equal, match } from 'node:assert/strict'
import { until } from '../support/until.ts'
import { runChecks, type Check } from './checks.ts'
import { makePod, program, startRedirect, type Running } from './pod.ts'

const made = await makePod((policy) => policy)
const startSidecar = (flags: Readonly<Record<string, string>> = {}): Running =>
  made.startSidecar({ interception: 'redirect', ...flags })
const rules = (): string => program('iptables-nft-save', '-t', 'nat')
const hasEnded = (running: Running): Promise<boolean> =>
  Promise.race([
    running.ended.then(() => true),
    new Promise<false>((resolve) => setTimeout(() => resolve(false))),
  ])
const says = (running: Running, words: string): Promise<void> =>
  until(words, () => running.lines().includes(words))

const checks: Check[] = [
  {
    name: 'without a sidecar redirect writes the rules, says what it waits for, and SIGTERM ends it at once',
    run: async () => {
      const redirect = startRedirect()
      await says(redirect, 'look at the log of tokenward-sidecar')
      match(rules(), /TOKENWARD_OUT/)
      equal(await hasEnded(redirect), false)
      const before = performance.now()
      equal(await redirect.stop(), 143)
      equal(performance.now() - before < 500, true)
      equal(redirect.stderr(), '')
      program('iptables-nft', '-t', 'nat', '-F')
      program('ip6tables-nft', '-t', 'nat', '-F')
    },
  },
  {
    name: 'a sidecar that starts before the rules follows its controller once they are there, without an error',
    run: async () => {
      const sidecar = startSidecar()
      await says(sidecar, 'the sidecar is open')
      equal(sidecar.lines().includes('connected to a controller'), false)
      const redirect = startRedirect()
      equal(await redirect.ended, 0, redirect.stderr())
      match(redirect.lines(), /the sidecar has started/)
      equal(/"level":"(warn|error)"/.test(redirect.lines() + sidecar.lines()), false)
      const lines = sidecar.lines()
      const [redirected, connected] = [/are redirected/, /connected to a contr/].map((words) =>
        lines.search(words),
      )
      equal(Number(redirected) < Number(connected), true, lines)
      await sidecar.stop()
    },
  },
  {
    name: 'redirect waits for a policy, over sidecars that end, and says each reason',
    run: async () => {
      const stateless = startSidecar({ controllers: 'https://127.0.0.1:9' })
      const redirect = startRedirect()
      await says(redirect, '"reason":"no policy yet"')
      await stateless.stop()
      await says(redirect, 'look at the log of tokenward-sidecar')
      equal(await hasEnded(redirect), false)
      const sidecar = startSidecar()
      equal(await redirect.ended, 0, redirect.stderr())
      equal(redirect.lines().match(/no policy yet/g)?.length, 1, redirect.lines())
      await sidecar.stop()
    },
  },
]

await runChecks(checks, made.close)

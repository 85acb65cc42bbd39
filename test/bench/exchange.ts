/** CPU of the authority per token, beside bare ES256 of node:crypto in the same run. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { exchangeRequest } from '../../pkg/token/exchange.ts'
import { measure } from './load.ts'
import { measuredCore } from './processes.ts'
import { audience, audienceOf, exchangers, scope, type System } from './system.ts'

const seconds = 1
/** More than are answered in that time, so that none comes twice. */
const newForms = 6400
const seenForms = 400
/** Until every client may again ask for as many as it likes. */
const refillMs = 2500
const connections = 32

const bare = `
import crypto from 'node:crypto'
const { privateKey, publicKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })
const input = Buffer.alloc(700, 120)
const priv = { key: privateKey, dsaEncoding: 'ieee-p1363' }
const pub = { key: publicKey, dsaEncoding: 'ieee-p1363' }
const once = () => {
  const signature = crypto.sign('sha256', input, priv)
  if (!crypto.verify('sha256', input, pub, signature)) throw new Error('no')
}
for (let i = 0; i < 500; i++) once()
const before = process.cpuUsage()
for (let i = 0; i < 5000; i++) once()
const used = process.cpuUsage(before)
console.log((used.user + used.system) / 5000)
`

/** Microseconds of CPU of one ES256 sign and one verify. */
export function bareSignAndVerify(): number {
  const run = spawnSync(
    'taskset',
    ['-c', measuredCore, 'node', '--input-type=module', '-e', bare],
    { encoding: 'utf8' },
  )
  return Number(run.stdout)
}

/**
 * Microseconds of CPU per exchange at saturation. `new`: every subject token for the first time; `seen`:
 * the same few hundred in turn.
 */
export async function exchangeCost(system: System, subjects: 'new' | 'seen'): Promise<number> {
  const pid = system.pid('authority')
  const port = Number(new URL(system.record.authority).port)
  const forms = formsOf(system, subjects === 'new' ? newForms : seenForms)
  const load = { port, target: '/token', tokens: [], forms, expect: 200, seconds, connections }
  if (subjects === 'seen') await measure(load, [pid], system.folder)
  await new Promise((resolve) => setTimeout(resolve, refillMs))
  const cpuMicroseconds = await measure(load, [pid], system.folder)
  await new Promise((resolve) => setTimeout(resolve, refillMs))
  return cpuMicroseconds
}

let seeds = 0

/** Forms that exchange a token of their own each, of the clients in turn. */
function formsOf(system: System, count: number): readonly string[] {
  const assertions = exchangers.map((name) => {
    const { pod } = system.workload(name)
    const file = path.join(system.state, 'pods', `bench.${pod}`, 'tokens', 'authority')
    return readFileSync(file, 'utf8').trim()
  })
  return Array.from({ length: count }, (_, index) => {
    const at = index % exchangers.length
    return exchangeRequest({
      assertion: assertions[at] ?? '',
      subjectToken: system.token(`exchange-${seeds++}`, audienceOf(exchangers[at] ?? '')),
      subjectTokenType: 'access_token',
      audience,
      scopes: [scope],
    })
  })
}

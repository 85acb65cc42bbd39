/** CPU of the authority per token, beside bare ES256 of node:crypto in the same run. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { exchangeRequest } from '../../pkg/token/exchange.ts'
import { cpuSeconds, measuredCore } from './processes.ts'
import { audience, callerAudience, scope, type System } from './system.ts'

const lanes = 32
/** As many as the authority lets one client ask for at once, and how long until it may again. */
const batchSize = 900
const refillMs = 2000

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
 * Microseconds of CPU per exchange while the authority is kept busy, over this many batches.
 * `repeats`: how often each subject token is presented.
 */
export async function exchangeCost(
  system: System,
  options: { readonly batches: number; readonly repeats: number },
): Promise<number> {
  const pid = system.pid('authority')
  const agent = new https.Agent({
    keepAlive: true,
    maxSockets: lanes,
    ca: readFileSync(path.join(system.state, 'pki', 'root.crt')),
  })
  let used = 0
  for (let batch = 0; batch < options.batches; batch++) {
    const bodies = requests(system, options.repeats)
    // Connections that idled may have been closed: they are opened before the clock starts.
    await sendAll(system, agent, requests(system, lanes).slice(0, lanes))
    await new Promise((resolve) => setTimeout(resolve, refillMs))
    const before = cpuSeconds(pid)
    await sendAll(system, agent, bodies)
    used += cpuSeconds(pid) - before
  }
  agent.destroy()
  return (used / (options.batches * batchSize)) * 1e6
}

let seeds = 0

/** A batch of request bodies; subjects come again in turn, each as often. */
function requests(system: System, repeats: number): readonly string[] {
  const assertion = readFileSync(
    path.join(system.state, 'pods', `bench.${podName(system)}`, 'tokens', 'authority'),
    'utf8',
  ).trim()
  const bodies = Array.from({ length: Math.ceil(batchSize / repeats) }, () =>
    exchangeRequest({
      assertion,
      subjectToken: system.token(`exchange-${seeds++}`, callerAudience),
      subjectTokenType: 'access_token',
      audience,
      scopes: [scope],
    }),
  )
  return Array.from({ length: repeats }, () => bodies)
    .flat()
    .slice(0, batchSize)
}

function podName(system: System): string {
  const key = Object.keys(system.record.uids).find((name) => /^Pod\/bench\/caller/.test(name))
  return key?.split('/')[2] ?? ''
}

/** Every lane has one request under way until none is left. */
async function sendAll(system: System, agent: https.Agent, bodies: readonly string[]) {
  const left = bodies.values()
  const lane = async (): Promise<void> => {
    for (const body of left) await send(system, agent, body)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

function send(system: System, agent: https.Agent, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = https.request(
      `${system.record.authority}/token`,
      {
        agent,
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(body),
        },
      },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () =>
          response.statusCode === 200
            ? resolve()
            : reject(new Error(`the exchange was answered ${response.statusCode}: ${text}`)),
        )
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

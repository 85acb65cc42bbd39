/** CPU of the authority per token, beside bare ES256 of node:crypto in the same run. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import https from 'node:https'
import path from 'node:path'
import { exchangeRequest } from '../../pkg/token/exchange.ts'
import { cpuSeconds, measuredCore } from './processes.ts'
import { audience, callerAudience, scope, type System } from './system.ts'

const lanes = 16
// Below what the authority lets one client ask for.
const perSecond = 400

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

/** Microseconds of CPU per exchange. `repeats`: how often each subject token is presented. */
export async function exchangeCost(
  system: System,
  options: { readonly tokens: number; readonly repeats: number },
): Promise<number> {
  const pid = system.pid('authority')
  const assertion = readFileSync(
    path.join(system.state, 'pods', `bench.${podName(system)}`, 'tokens', 'authority'),
    'utf8',
  ).trim()
  const subjects = Array.from({ length: options.tokens }, (_, index) =>
    system.token(`exchange-${options.repeats}-${index}-${Date.now()}`, callerAudience),
  )
  const bodies = Array.from({ length: options.repeats }, () => subjects).flatMap((tokens) =>
    tokens.map((subjectToken) =>
      exchangeRequest({
        assertion,
        subjectToken,
        subjectTokenType: 'access_token',
        audience,
        scopes: [scope],
      }),
    ),
  )
  const agent = new https.Agent({
    keepAlive: true,
    maxSockets: lanes,
    ca: readFileSync(path.join(system.state, 'pki', 'root.crt')),
  })
  await send(system, agent, bodies.slice(0, lanes))
  const before = cpuSeconds(pid)
  await Promise.all(
    Array.from({ length: lanes }, (_, lane) =>
      send(
        system,
        agent,
        bodies.filter((_body, index) => index % lanes === lane),
      ),
    ),
  )
  const used = cpuSeconds(pid) - before
  agent.destroy()
  return (used / bodies.length) * 1e6
}

function podName(system: System): string {
  const key = Object.keys(system.record.uids).find((name) => /^Pod\/bench\/caller/.test(name))
  return key?.split('/')[2] ?? ''
}

async function send(system: System, agent: https.Agent, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    const next = new Promise((resolve) => setTimeout(resolve, (1000 * lanes) / perSecond))
    await new Promise<void>((resolve, reject) => {
      const request = https.request(
        `${system.record.authority}/token`,
        {
          agent,
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
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
    await next
  }
}

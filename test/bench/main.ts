/**
 * The benchmarks, peers beside us in one interleaved run on one core. Prints the tables and writes them
 * into docs/performance.md.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { bareSignAndVerify, exchangeCost } from './exchange.ts'
import { editToEnforcement, startToReady } from './lifecycle.ts'
import { measure, type Load } from './load.ts'
import { makeKeys, type PeerTokens } from './peer-tokens.ts'
import { missingInstruments, startEnvoy, startHaproxy, startOrigin, type Peer } from './peers.ts'
import { anonymousMiB, pin, measuredCore, stopAll } from './processes.ts'
import { writeReport, type Figures, type Row } from './report.ts'
import { median, minimum } from './stats.ts'
import { startSystem, type System } from './system.ts'

const rounds = Number(process.env['ROUNDS'] ?? 3)
const seconds = Number(process.env['SECONDS'] ?? 4)
const connections = 32
const distinctTokens = 500

interface Scenario {
  readonly name: string
  readonly load: Omit<Load, 'seconds' | 'connections'>
  readonly pids: readonly number[]
}

/** A well-formed signature that does not verify, so that whoever judges it has to compute. */
const forged = (token: string): string => {
  const at = token.length - 20
  return `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}

function ours(system: System): readonly Scenario[] {
  const target = system.workload('target')
  const caller = system.workload('caller')
  const inbound = system.pid('sidecar bench/target')
  const outbound = system.pid('sidecar bench/caller')
  const tokens = Array.from({ length: distinctTokens }, (_, index) => system.token(`t${index}`))
  const path = '/things/1'
  const to = { port: portOf(target.inbound), target: path, expect: 200 }
  return [
    {
      name: 'inbound, 1 token, warm',
      load: { ...to, tokens: tokens.slice(0, 1) },
      pids: [inbound],
    },
    { name: `inbound, ${distinctTokens} tokens in turn`, load: { ...to, tokens }, pids: [inbound] },
    {
      name: 'inbound, refused (bad signature)',
      load: { ...to, tokens: tokens.map(forged), expect: 401 },
      pids: [inbound],
    },
    {
      name: 'outbound, token cached',
      load: {
        port: portOf(caller.proxy),
        target: `http://target.bench${path}`,
        host: 'target.bench',
        tokens: [],
        expect: 200,
      },
      pids: [outbound],
    },
    {
      name: 'both in a chain',
      load: {
        port: portOf(Object.values(caller.routes)[0] ?? ''),
        target: path,
        tokens: [],
        expect: 200,
      },
      pids: [outbound, inbound],
    },
  ]
}

function theirs(
  haproxy: readonly Peer[],
  envoy: readonly Peer[],
  tokens: PeerTokens,
): readonly Scenario[] {
  const scenario = (
    peer: Peer | undefined,
    sent: readonly string[],
    more: { expect?: number; name?: string } = {},
  ): readonly Scenario[] =>
    peer === undefined
      ? []
      : [
          {
            name: more.name ?? peer.name,
            load: {
              port: peer.port,
              target: '/things/1',
              tokens: sent,
              expect: more.expect ?? 200,
            },
            pids: [peer.pid],
          },
        ]
  return [
    ...scenario(haproxy[0], []),
    ...scenario(haproxy[1], tokens.rs256),
    ...scenario(haproxy[2], tokens.es256),
    ...scenario(envoy[0], []),
    ...scenario(envoy[1], tokens.es256),
    ...scenario(envoy[2], tokens.es256),
    ...scenario(envoy[1], tokens.es256.map(forged), {
      expect: 401,
      name: 'Envoy jwt_authn ES256, refused (bad signature)',
    }),
  ]
}

async function compare(scenarios: readonly Scenario[], folder: string): Promise<readonly Row[]> {
  const samples = new Map<string, number[]>(scenarios.map(({ name }) => [name, []]))
  for (const { load, pids } of scenarios) {
    await measure({ ...load, seconds: 1, connections }, pids, folder)
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { name, load, pids } of scenarios) {
      const cost = await measure({ ...load, seconds, connections }, pids, folder)
      samples.get(name)?.push(cost)
      console.log(`round ${round}  ${name.padEnd(48)} ${cost.toFixed(1)} us`)
    }
  }
  return [...samples].map(([name, values]) => ({
    name,
    minimum: minimum(values),
    median: median(values),
  }))
}

async function main(): Promise<void> {
  const missing = missingInstruments()
  if (missing.length > 0) {
    throw new Error(
      `these instruments are missing and could not be installed: ${missing.join(', ')}`,
    )
  }
  const folder = mkdtempSync(path.join(os.tmpdir(), 'tokenward-bench-'))
  const keys = makeKeys(distinctTokens)
  const origin = await startOrigin(folder)
  let system: System | undefined
  try {
    system = await startSystem(folder, origin)
    const sidecar = system.pid('sidecar bench/target')
    await new Promise((resolve) => setTimeout(resolve, 3000))
    const idleMiB = anonymousMiB(sidecar)
    const haproxy = await startHaproxy(folder, origin, keys.keys)
    const envoy = (await startEnvoy(folder, origin, keys.keys)) ?? []
    if (envoy.length === 0) console.log('Envoy is missing: its rows are left out')
    for (const { pid } of [...haproxy, ...envoy]) pin(pid, measuredCore)

    const rows = await compare([...theirs(haproxy, envoy, keys.tokens), ...ours(system)], folder)
    const loadedMiB = anonymousMiB(sidecar)
    console.log('exchanges ...')
    const bare: number[] = []
    const fresh: number[] = []
    const repeated: number[] = []
    // Until the code that is measured is the code that V8 settles on.
    for (let run = 0; run < 8; run++) await exchangeCost(system, 'new')
    for (let round = 0; round < rounds; round++) {
      bare.push(bareSignAndVerify())
      fresh.push(await exchangeCost(system, 'new'))
      repeated.push(await exchangeCost(system, 'seen'))
    }
    console.log('edits and starts ...')
    const edits = await editToEnforcement(system, 60)
    const starts: number[] = []
    for (let run = 0; run < 9; run++) starts.push(await startToReady(system))
    const figures: Figures = {
      rows,
      bare,
      fresh,
      repeated,
      edits,
      starts: starts.slice(1),
      idleMiB,
      loadedMiB,
      rounds,
      seconds,
      connections,
    }
    process.exitCode = writeReport(figures) ? 0 : 1
  } finally {
    await system?.stop()
    await stopAll()
    rmSync(folder, { recursive: true, force: true })
  }
}

await main()

/** The system under test: `tokenward local` from bundles, on a folder made for the run. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { importSigningKey } from '../../pkg/token/keys.ts'
import { sign } from '../../pkg/token/sign.ts'
import type { Origin } from './peers.ts'
import { freePort, measuredCore, pin } from './processes.ts'

export const audience = 'http://target.bench.svc.cluster.local'
export const scope = 'things:read'

/** Workloads that exchange; several, because the authority limits each client. */
export const exchangers = Array.from({ length: 8 }, (_, index) => `exchanger-${index + 1}`)
const callers = ['caller', ...exchangers]

export const audienceOf = (name: string): string => `http://${name}.bench.svc.cluster.local`

const policy = (scopes: string): string => `
apiVersion: tokenward.dev/v1alpha1
kind: AccessPolicy
metadata: { name: target, namespace: bench }
spec:
  targetRefs: [{ group: "", kind: Service, name: target }]
  rules:
  - name: caller
    from: [${callers.map((name) => `{ serviceAccount: { name: ${name} } }`).join(', ')}]
    scopes: [${scopes}]
    operations:
    - { methods: [GET], paths: ["/things/{id}"], scopes: [${scopes}] }
    token: { lifetime: 1h }
`

const callerPolicy = `
apiVersion: tokenward.dev/v1alpha1
kind: AccessPolicy
metadata: { name: caller, namespace: bench }
spec:
  targetRefs: [${callers.map((name) => `{ group: "", kind: Service, name: ${name} }`).join(', ')}]
  rules:
  - name: target
    from: [{ serviceAccount: { name: target } }]
    scopes: [${scope}]
`

interface Workload {
  readonly workload: string
  readonly pod: string
  readonly inbound: string
  readonly proxy: string
  readonly admin: string
  readonly routes: Readonly<Record<string, string>>
}

interface Running {
  readonly name: string
  readonly pid: number
}

interface LocalRecord {
  readonly authority: string
  readonly workloads: readonly Workload[]
  readonly processes: readonly Running[]
  readonly uids: Readonly<Record<string, string>>
}

export interface System {
  readonly folder: string
  readonly state: string
  readonly record: LocalRecord
  pid(name: string): number
  workload(name: string): Workload
  /** A token for the target, as the authority would have issued it; `seed` makes it distinct. */
  token(seed: string, to?: string): string
  /** Writes the policy of the target anew: with other scopes, the tokens at hand are short. */
  writePolicy(scopes: string): void
  stop(): Promise<void>
}

/** Starts it and waits until every process is ready. */
export async function startSystem(folder: string, origin: Origin): Promise<System> {
  const resources = path.join(folder, 'resources')
  const state = path.join(folder, 'state')
  mkdirSync(resources, { recursive: true })
  const writePolicy = (scopes: string): void =>
    writeFileSync(path.join(resources, 'target.yaml'), policy(scopes))
  writePolicy(scope)
  writeFileSync(path.join(resources, 'caller.yaml'), callerPolicy)
  const app = (port: number): string => `{ address: '127.0.0.1:${port}' }`
  const rest: string[] = []
  for (const name of exchangers) {
    const unused = app(await freePort())
    rest.push(
      `- { name: ${name}, namespace: bench, service: { name: ${name}, port: 80 }, app: ${unused} }`,
    )
  }
  writeFileSync(
    path.join(resources, 'local.yaml'),
    `workloads:
- { name: target, namespace: bench, service: { name: target, port: 80 }, app: ${app(origin.port)} }
- name: caller
  namespace: bench
  service: { name: caller, port: 80 }
  app: ${app(origin.otherPort)}
  outbound: { routes: [{ service: 'bench/target:http', port: ${await freePort()} }] }
${rest.join('\n')}
`,
  )
  const log = openSync(path.join(folder, 'local.log'), 'a')
  const child = spawn(
    'taskset',
    [
      '-c',
      measuredCore,
      'node',
      'dist/cli.mjs',
      'local',
      resources,
      '--state',
      state,
      '-o',
      'json',
    ],
    { stdio: ['ignore', 'pipe', log] },
  )
  await started(child, path.join(folder, 'local.log'))
  const record = JSON.parse(readFileSync(path.join(state, 'local.json'), 'utf8')) as LocalRecord
  for (const { pid } of record.processes) pin(pid, measuredCore)
  const { keys } = JSON.parse(readFileSync(path.join(state, 'keys', 'signing.json'), 'utf8')) as {
    keys: { jwk: Record<string, unknown> }[]
  }
  const key = importSigningKey(keys[0]?.jwk ?? {})
  const identity = 'spiffe://local.tokenward.dev/ns/bench/sa/caller'

  return {
    folder,
    state,
    record,
    writePolicy,
    pid(name) {
      const found = record.processes.find((process) => process.name === name)
      if (found === undefined) throw new Error(`no process "${name}"`)
      return found.pid
    },
    workload(name) {
      const found = record.workloads.find(({ workload }) => workload === `bench/${name}`)
      if (found === undefined) throw new Error(`no workload "${name}"`)
      return found
    },
    token(seed, to = audience) {
      const now = Math.floor(Date.now() / 1000)
      const self = to === audience ? identity : identity.replace('/caller', '/target')
      const account = to === audience ? 'caller' : 'target'
      return sign(
        {
          iss: record.authority,
          sub: self,
          aud: to,
          client_id: self,
          client_uid: record.uids[`ServiceAccount/bench/${account}`] ?? '',
          iat: now,
          nbf: now,
          exp: now + 3600,
          jti: seed,
          scope,
          rule: `bench/${to === audience ? 'target/caller' : 'caller/target'}`,
        },
        key,
        'at+jwt',
      )
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      }),
  }
}

function started(child: ChildProcess, log: string): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) =>
      reject(new Error(`tokenward local ended with ${code}: ${readFileSync(log, 'utf8')}`)),
    )
    // It prints where everything is once everything serves.
    child.stdout?.once('data', () => resolve())
  })
}

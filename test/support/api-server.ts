/** A real kube-apiserver on a real etcd, on loopback and in a temporary folder: no kubelet, no controllers. */
import { spawn, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import https from 'node:https'
import { homedir, tmpdir } from 'node:os'
import path from 'node:path'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { freePorts } from './free-ports.ts'
import { writeKubeconfig, type KubeconfigFile } from './kubeconfig.ts'
import { until } from './until.ts'

/** Where the programs of the cluster are, unless CLUSTER_HOME says otherwise. */
export function clusterBinaries(): string {
  const home = process.env['CLUSTER_HOME'] ?? path.join(homedir(), '.cache/tokenward-cluster')
  return path.join(home, 'bin')
}

/** Of `kube-apiserver` and `etcd`, those that are not there. */
export function missingBinaries(folder: string): string[] {
  return ['kube-apiserver', 'etcd'].filter((name) => !existsSync(path.join(folder, name)))
}

export interface ApiServer {
  /** Of a user who may do everything. */
  readonly kubeconfig: string
  readonly url: string
  /** The root of its certificate, PEM. */
  readonly ca: string
  readonly token: string
  /** A kubeconfig of one who may do nothing, until a role says otherwise: user `limited`. */
  readonly limitedKubeconfig: string
  /** What service-account tokens name as their issuer. */
  readonly serviceAccountIssuer: string
  /** Ends the API server; etcd stays. */
  stop(): Promise<void>
  /** Starts it again at the same address. */
  restart(): Promise<void>
  /** Freezes it or lets it go on, as a machine that hangs. */
  pause(isPaused: boolean): void
  /** Forgets the history of the store before now. */
  compact(): Promise<void>
  /** What it wrote, for a test that fails. */
  log(): string
  close(): Promise<void>
}

const startMs = 120_000
const adminToken = 'admin-of-a-test'
const limitedToken = 'limited-of-a-test'

/**
 * Ready to serve when it resolves. `flags` are more of kube-apiserver's. With `hasServiceAccounts` pods need
 * one that exists and get its token mounted, as in a cluster; nobody makes any here but the test.
 */
export async function startApiServer(options: {
  readonly binaries: string
  readonly flags?: readonly string[]
  readonly hasServiceAccounts?: boolean
}): Promise<ApiServer> {
  const { binaries, flags = [], hasServiceAccounts = false } = options
  const missing = missingBinaries(binaries)
  if (missing.length > 0) throw new Error(`no ${missing.join(' and no ')} in ${binaries}`)
  const folder = mkdtempSync(path.join(tmpdir(), 'tokenward-api-server-'))
  const at = (name: string): string => path.join(folder, name)
  const ports = await freePorts(['etcd', 'peer', 'api'] as const)
  const root = issueRoot({ commonName: 'test root' })
  const serving = issueServing({ root, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] })
  mkdirSync(at('certificates'))
  writeFileSync(at('certificates/apiserver.crt'), serving.certificate + root.certificate)
  writeFileSync(at('certificates/apiserver.key'), serving.privateKey)
  writeFileSync(at('root.crt'), root.certificate)
  writeFileSync(
    at('tokens.csv'),
    `${adminToken},admin,1,"system:masters"\n${limitedToken},limited,2,"nobodies"\n`,
  )
  const accountKey = generateKeyPairSync('rsa', { modulusLength: 2048 })
  writeFileSync(at('sa.key'), accountKey.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  writeFileSync(at('sa.pub'), accountKey.publicKey.export({ format: 'pem', type: 'spki' }))
  const url = `https://127.0.0.1:${ports.api}`
  const etcdUrl = `http://127.0.0.1:${ports.etcd}`
  const serviceAccountIssuer = 'https://kubernetes.default.svc.cluster.local'
  const start = (name: string, argv: readonly string[]): ChildProcess => {
    const output = openSync(at(`${name}.log`), 'a')
    const child = spawn(path.join(binaries, name), argv, { stdio: ['ignore', output, output] })
    closeSync(output)
    // A test run that is broken off leaves nothing behind.
    const kill = (): boolean => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    return child
  }
  const end = (child: ChildProcess): Promise<void> =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve()
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
      child.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
      child.kill('SIGCONT')
      child.kill('SIGTERM')
    })

  const etcd = start('etcd', [
    `--data-dir=${at('etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${ports.peer}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${ports.peer}`,
    `--initial-cluster=default=http://127.0.0.1:${ports.peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ])
  const startServer = async (): Promise<ChildProcess> => {
    const child = start('kube-apiserver', [
      `--etcd-servers=${etcdUrl}`,
      `--cert-dir=${at('certificates')}`,
      `--secure-port=${ports.api}`,
      '--bind-address=127.0.0.1',
      '--service-cluster-ip-range=10.0.0.0/24',
      '--allow-privileged=true',
      '--authorization-mode=RBAC',
      ...(hasServiceAccounts ? [] : ['--disable-admission-plugins=ServiceAccount']),
      `--token-auth-file=${at('tokens.csv')}`,
      `--service-account-issuer=${serviceAccountIssuer}`,
      `--service-account-key-file=${at('sa.pub')}`,
      `--service-account-signing-key-file=${at('sa.key')}`,
      '--shutdown-delay-duration=0s',
      ...flags,
    ])
    await until(
      `the API server is ready (see ${at('kube-apiserver.log')})`,
      async () => {
        if (child.exitCode !== null) {
          throw new Error(`the API server ended: ${tail(at('kube-apiserver.log'))}`)
        }
        return (await statusOf(`${url}/readyz`, root.certificate)) === 200
      },
      startMs,
    )
    return child
  }

  let server = await startServer().catch(async (error: unknown) => {
    await end(etcd)
    throw error
  })
  const kubeconfigs: KubeconfigFile[] = [adminToken, limitedToken].map((token) =>
    writeKubeconfig({ url, ca: root.certificate, token }),
  )
  return {
    kubeconfig: kubeconfigs[0]?.path ?? '',
    limitedKubeconfig: kubeconfigs[1]?.path ?? '',
    url,
    ca: root.certificate,
    token: adminToken,
    serviceAccountIssuer,
    stop: () => end(server),
    async restart() {
      await end(server)
      server = await startServer()
    },
    pause(isPaused) {
      server.kill(isPaused ? 'SIGSTOP' : 'SIGCONT')
    },
    async compact() {
      const post = async (what: string, body: object): Promise<Record<string, unknown>> => {
        const response = await fetch(`${etcdUrl}/v3/kv/${what}`, {
          method: 'POST',
          body: JSON.stringify(body),
        })
        return (await response.json()) as Record<string, unknown>
      }
      const { header } = await post('range', { key: Buffer.from('/').toString('base64') })
      const { revision } = header as { revision: string }
      await post('compaction', { revision, physical: true })
    },
    log: () => readFileSync(at('kube-apiserver.log'), 'utf8'),
    async close() {
      await end(server)
      await end(etcd)
      for (const kubeconfig of kubeconfigs) kubeconfig[Symbol.dispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function statusOf(url: string, ca: string): Promise<number> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${adminToken}` }
    const request = https.get(url, { ca, headers, agent: false, timeout: 5000 }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(0))
  })
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n')
}

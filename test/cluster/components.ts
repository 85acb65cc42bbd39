import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { certificate, serviceAccountKeys } from './certificates.ts'
import { environment, files, folders, network } from './places.ts'
import { inside } from './run.ts'
import { settingsFiles } from './settings.ts'

const etcd = 'http://127.0.0.1:2379'
const peers = 'http://127.0.0.1:2380'
const services = `${network.services.v4},${network.services.v6}`

function apiserver(): string[] {
  const { crt, key } = certificate('apiserver')
  const admin = certificate('admin')
  const root = certificate('root').crt
  return [
    'kube-apiserver',
    `--etcd-servers=${etcd}`,
    '--secure-port=6443',
    `--advertise-address=${network.node.v4}`,
    `--tls-cert-file=${crt}`,
    `--tls-private-key-file=${key}`,
    `--client-ca-file=${root}`,
    `--service-cluster-ip-range=${services}`,
    '--allow-privileged=true',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${serviceAccountKeys.public}`,
    `--service-account-signing-key-file=${serviceAccountKeys.private}`,
    `--kubelet-client-certificate=${admin.crt}`,
    `--kubelet-client-key=${admin.key}`,
    `--kubelet-certificate-authority=${root}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--audit-policy-file=${join(import.meta.dirname, 'audit-policy.yaml')}`,
    `--audit-log-path=${files.audit}`,
  ]
}

const commands = {
  etcd: () => [
    'etcd',
    `--data-dir=${join(folders.run, 'etcd')}`,
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
    '--unsafe-no-fsync',
  ],
  apiserver,
  controllers: () => [
    'kube-controller-manager',
    `--kubeconfig=${files.kubeconfig}`,
    `--service-account-private-key-file=${serviceAccountKeys.private}`,
    `--root-ca-file=${certificate('root').crt}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--controllers=*,-nodeipam',
    `--service-cluster-ip-range=${services}`,
  ],
  scheduler: () => ['kube-scheduler', `--kubeconfig=${files.kubeconfig}`, '--leader-elect=false'],
  proxy: () => [
    'kube-proxy',
    `--kubeconfig=${files.kubeconfig}`,
    `--cluster-cidr=${network.pods.v4},${network.pods.v6}`,
    '--hostname-override=node1',
    '--proxy-mode=iptables',
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ],
  dns: () => ['coredns', '-conf', settingsFiles.dns],
  containerd: () => ['containerd', '-c', settingsFiles.containerd],
  kubelet: () => [
    'kubelet',
    `--config=${settingsFiles.kubelet}`,
    `--kubeconfig=${settingsFiles.kubeletConfig}`,
    '--hostname-override=node1',
    `--node-ip=${network.node.v4},${network.node.v6}`,
    `--root-dir=${join(folders.run, 'kubelet')}`,
    `--cert-dir=${join(folders.run, 'kubelet-pki')}`,
  ],
} as const

export type Component = keyof typeof commands

export function isComponent(name: string): name is Component {
  return Object.hasOwn(commands, name)
}

export const componentNames = Object.keys(commands) as Component[]

function pidFile(name: Component): string {
  return join(folders.run, `${name}.pid`)
}

/** The process of a component, if it runs; after a restart of the machine its number may be another's. */
function pidOf(name: Component): number | undefined {
  if (!existsSync(pidFile(name))) return undefined
  const pid = Number(readFileSync(pidFile(name), 'utf8'))
  const [program = ''] = commands[name]()
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return words.includes(program) ? pid : undefined
  } catch {
    return undefined
  }
}

/** Starts a component in the cluster's network; it outlives this process, its log is in `run`. */
export function start(name: Component): void {
  if (pidOf(name) !== undefined) return
  const [program = '', ...words] = inside(commands[name]())
  const log = openSync(join(folders.run, `${name}.log`), 'a')
  const child = spawn(program, words, {
    detached: true,
    env: environment(),
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  child.unref()
  writeFileSync(pidFile(name), String(child.pid))
}

/** Ends a component in order, and after ten seconds by force. */
export async function stop(name: Component): Promise<void> {
  const deadline = performance.now() + 10_000
  for (let pid = pidOf(name); pid !== undefined; pid = pidOf(name)) {
    process.kill(pid, performance.now() < deadline ? 'SIGTERM' : 'SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  rmSync(pidFile(name), { force: true })
}

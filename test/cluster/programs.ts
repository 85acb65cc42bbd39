import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment, programs, versions } from './places.ts'
import { run, succeeds } from './run.ts'

const stampFile = join(programs, '.built')
const stamp = Object.entries(versions)
  .map(([name, version]) => `${name}=${version}`)
  .join(' ')

function isBuilt(): boolean {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8').trim() === stamp
}

/**
 * Builds every program of the cluster from Go modules: once, about ten minutes on two cores. What is
 * pinned in go.mod here comes as its tools; the rest has modules that do not go together with it.
 */
export function buildPrograms(say: (text: string) => void): void {
  if (isBuilt()) return
  mkdirSync(programs, { recursive: true })
  const go = (what: string, command: readonly string[]): void => {
    say(`building ${what}`)
    run(['go', ...command], {
      cwd: import.meta.dirname,
      env: { ...environment(), GOBIN: programs, GOFLAGS: '' },
    })
  }
  const [major, minor] = versions.kubernetes.split('.')
  const version = Object.entries({
    gitVersion: `v${versions.kubernetes}`,
    gitMajor: major,
    gitMinor: minor,
  }).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  const smaller = '-s -w'
  go(`Kubernetes ${versions.kubernetes} and etcd`, [
    'install',
    '-ldflags',
    [smaller, ...version].join(' '),
    'tool',
  ])
  renameSync(join(programs, 'server'), join(programs, 'etcd'))
  go(`CoreDNS ${versions.coredns}`, [
    'install',
    '-ldflags',
    smaller,
    `github.com/coredns/coredns@v${versions.coredns}`,
  ])
  go(`Helm ${versions.helm}`, [
    'install',
    '-ldflags',
    smaller,
    `helm.sh/helm/v3/cmd/helm@v${versions.helm}`,
  ])
  writeFileSync(stampFile, `${stamp}\n`)
}

const packages = [
  'buildah',
  'busybox-static',
  'conntrack',
  'containerd',
  'containernetworking-plugins',
  'ethtool',
  'iproute2',
  'iptables',
  'openssl',
  'runc',
  'socat',
  'util-linux',
]

/** The Debian packages that a node needs. */
export function installPackages(say: (text: string) => void): void {
  const missing = packages.filter((name) => !succeeds(['dpkg', '-s', name]))
  if (missing.length === 0) return
  say(`installing ${missing.join(' ')}`)
  run(['apt-get', 'update', '-qq'])
  run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], {
    env: { ...environment(), DEBIAN_FRONTEND: 'noninteractive' },
  })
}

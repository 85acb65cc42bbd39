/** Where the cluster lives: names, addresses and folders. Another cluster on this machine has others. */
import { homedir } from 'node:os'
import { join } from 'node:path'

export const versions = { kubernetes: '1.36.3', coredns: '1.13.1', helm: '3.22.0' } as const

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tokenward-cluster')

/** Programs stay from one run to the next, whatever else goes. */
export const programs = join(cache, 'bin')

const home = join(cache, 'e2e')

export const folders = {
  home,
  /** Certificates of the cluster itself. */
  pki: join(home, 'pki'),
  /** Settings, sockets, process ids and logs; gone after `down`. */
  run: join(home, 'run'),
  images: join(home, 'containerd'),
} as const

export const files = {
  kubeconfig: join(folders.run, 'admin.kubeconfig'),
  socket: join(folders.run, 'containerd.sock'),
  audit: join(folders.run, 'audit.log'),
} as const

/** The network namespace that holds the node, and the cgroup that holds its pods. */
export const name = 'tokenward-e2e'

export const network = {
  node: { v4: '10.202.0.1', v6: 'fd00:202::1' },
  pods: { v4: '10.245.0.0/24', v6: 'fd00:245::/64' },
  services: { v4: '10.97.0.0/16', v6: 'fd00:97::/112' },
  apiServer: '10.97.0.1',
  dns: '10.97.0.10',
} as const

/** What a child of ours sees: our programs first, and the cluster's own administrator. */
export function environment(): NodeJS.ProcessEnv {
  const path = [programs, '/usr/local/go/bin', process.env['PATH'], '/usr/sbin', '/sbin']
  return { ...process.env, PATH: path.join(':'), KUBECONFIG: files.kubeconfig }
}

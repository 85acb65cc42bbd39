import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { files, folders, name, network } from './places.ts'
import { inside, run, succeeds } from './run.ts'

/** A network of its own, with no way out: a default route leads to nobody, so that services have one. */
export function makeNetwork(): void {
  if (!existsSync(`/run/netns/${name}`)) run(['ip', 'netns', 'add', name])
  const set = (command: string): string => run(inside(command.split(' ')))
  set('ip link set lo up')
  set('sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1')
  set('sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.accept_dad=0')
  if (!succeeds(inside(['ip', 'link', 'show', 'node0']))) {
    set('ip link add node0 type veth peer name nowhere0')
  }
  set('ip link set node0 up')
  set('ip link set nowhere0 up')
  set(`ip addr replace ${network.node.v4}/24 dev node0`)
  set(`ip -6 addr replace ${network.node.v6}/64 dev node0 nodad`)
  set(`ip route replace default via ${network.node.v4.replace(/\d+$/, '254')} dev node0`)
  set(`ip -6 route replace default via ${network.node.v6.replace(/\d+$/, 'fe')} dev node0`)
}

export function removeNetwork(): void {
  if (existsSync(`/run/netns/${name}`)) run(['ip', 'netns', 'del', name])
}

/** The folders below which a pod's cgroups are made: one, or one per controller. */
function cgroups(): string[] {
  const mount = '/sys/fs/cgroup'
  return existsSync(join(mount, 'cgroup.controllers'))
    ? [join(mount, name)]
    : readdirSync(mount).map((controller) => join(mount, controller, name))
}

/** A place of its own for pods, so that no other kubelet takes them for leftovers of its own. */
export function makeCgroups(): void {
  for (const folder of cgroups()) mkdirSync(folder, { recursive: true })
  for (const folder of cgroups().filter((each) => each.includes('/cpuset/'))) {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      run(['sh', '-c', `cat ${join(folder, '..', file)} > ${join(folder, file)}`])
    }
  }
}

export function removeCgroups(): void {
  const remove = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) remove(join(folder, entry.name))
    }
    rmdirSync(folder)
  }
  for (const folder of cgroups().filter((each) => existsSync(each))) {
    try {
      remove(folder)
    } catch {
      // A process that is still ending holds it; the next run takes it over.
    }
  }
}

const ctr = inside(['ctr', '-a', files.socket, '-n', 'k8s.io'])

/** Imports a docker or OCI archive into the node. */
export function loadImage(archive: string): void {
  run([...ctr, 'images', 'import', archive])
}

/** busybox as an image: what holds a pod's namespaces. */
export function loadPause(): void {
  const archive = join(folders.home, 'busybox.tar')
  if (!existsSync(archive)) {
    mkdirSync(folders.home, { recursive: true })
    const buildah = (...words: readonly string[]): string =>
      run(['buildah', '--storage-driver', 'vfs', ...words]).trim()
    const container = buildah('from', 'scratch')
    try {
      buildah('copy', container, '/bin/busybox', '/bin/busybox')
      buildah('config', '--entrypoint', '["/bin/busybox","sleep","infinity"]', container)
      buildah('commit', '-q', container, 'localhost/busybox:1')
      buildah('push', '-q', 'localhost/busybox:1', `docker-archive:${archive}:localhost/busybox:1`)
    } finally {
      buildah('rm', container)
    }
  }
  loadImage(archive)
}

/** Ends what the kubelet left running. */
export async function endContainers(): Promise<void> {
  if (!succeeds([...ctr, 'version'])) return
  const list = (what: string): string[] =>
    run([...ctr, what, 'ls', '-q'])
      .split('\n')
      .filter(Boolean)
  for (const task of list('tasks')) succeeds([...ctr, 'tasks', 'kill', '-s', '9', task])
  await new Promise((resolve) => setTimeout(resolve, 500))
  for (const container of list('containers')) {
    succeeds([...ctr, 'tasks', 'rm', '-f', container])
    succeeds([...ctr, 'containers', 'rm', container])
  }
}

/** Takes away every mount below our folders, the innermost first. */
export function unmount(): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${folders.home}/`))
  for (const path of mounts.reverse()) succeeds(['umount', '-l', path])
}

export function removeFolders(): void {
  for (const folder of [folders.run, folders.images])
    rmSync(folder, { recursive: true, force: true })
}

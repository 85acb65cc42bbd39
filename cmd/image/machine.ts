import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

const binaries = ['/usr/sbin', '/sbin', '/usr/local/sbin']
const extensions = [
  '/usr/lib/x86_64-linux-gnu/xtables',
  '/usr/lib/aarch64-linux-gnu/xtables',
  '/usr/lib64/xtables',
  '/usr/lib/xtables',
]
// Both back ends: the node's kernel decides at run time which of them works.
const backends = { 'xtables-nft-multi': 'nft', 'xtables-legacy-multi': 'legacy' }
const accounts = [
  { name: 'root', id: 0 },
  { name: 'sidecar', id: 15400 },
  { name: 'tokenward', id: 65532 },
]

/**
 * Stages a base image of what this machine has: the Node.js that runs this program, iptables of both
 * back ends with its extensions, and the libraries that they are linked with. Throws where one is missing.
 */
export function stageMachine(root: string): void {
  const node = realpathSync(process.execPath)
  stageNode(root, node)
  const tables = Object.keys(backends).map((name) => find(name, binaries))
  for (const path of tables) stageTables(root, path)
  const folder = extensions.find(existsSync)
  if (folder === undefined) throw new Error(missing('the extensions of iptables'))
  const modules = readdirSync(folder)
    .filter((name) => name.endsWith('.so'))
    .map((name) => join(folder, name))
  for (const path of modules) stage(root, path)
  for (const path of librariesOf([node, ...tables, ...modules])) stage(root, path)
  stageAccounts(root)
}

/**
 * Node.js that may be run by everybody and read by root alone. The kernel shows a process of such a program
 * to nobody without the right to trace all (execve(2), proc(5)): or another process of the sidecar's user
 * id that sees it, in a pod that shares its processes or in one that sees its node's, could read its tokens.
 */
export function stageNode(root: string, node: string): void {
  stage(root, node, '/usr/bin/node')
  chmodSync(`${root}/usr/bin/node`, 0o711)
}

function stageTables(root: string, path: string): void {
  const program = basename(path) as keyof typeof backends
  stage(root, path, `/usr/sbin/${program}`)
  for (const family of ['iptables', 'ip6tables']) {
    for (const verb of ['', '-save', '-restore']) {
      symlinkSync(program, `${root}/usr/sbin/${family}-${backends[program]}${verb}`)
    }
  }
}

function stageAccounts(root: string): void {
  const lines = (line: (account: (typeof accounts)[number]) => string) =>
    `${accounts.map(line).join('\n')}\n`
  write(
    root,
    '/etc/passwd',
    lines(({ name, id }) => `${name}:x:${id}:${id}::/:/sbin/nologin`),
  )
  write(
    root,
    '/etc/group',
    lines(({ name, id }) => `${name}:x:${id}:`),
  )
  write(root, '/etc/nsswitch.conf', 'hosts: files dns\n')
  mkdirSync(`${root}/tmp`, { recursive: true })
  mkdirSync(`${root}/run`, { recursive: true })
}

/** The libraries of several programs by the paths at which the loader looks for them. */
function librariesOf(programs: readonly string[]): Set<string> {
  const text = execFileSync('ldd', programs, { encoding: 'utf8' })
  const lacking = /^\s*(\S+) => not found/m.exec(text)?.[1]
  if (lacking !== undefined) throw new Error(missing(lacking))
  const paths = text.split('\n').flatMap((line) => /(?:=>\s+|^\s+)(\/\S+)/.exec(line)?.[1] ?? [])
  return new Set(paths)
}

function find(name: string, folders: readonly string[]): string {
  const path = folders.map((folder) => join(folder, name)).find(existsSync)
  if (path === undefined) throw new Error(missing(`${name} (Debian package iptables)`))
  return path
}

function missing(what: string): string {
  return `${what} is not on this machine: install it, or name an image that has Node.js and iptables with BASE=`
}

function stage(root: string, path: string, target = path): void {
  mkdirSync(dirname(root + target), { recursive: true })
  copyFileSync(realpathSync(path), root + target)
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(root + path), { recursive: true })
  writeFileSync(root + path, text)
}

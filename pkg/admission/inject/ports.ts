import { isIP } from 'node:net'
import { isReserved, reservedPorts } from './names.ts'

/** What a text says, or the rest of a sentence about what is wrong with it. */
export type Read<T> = { readonly value: T } | { readonly problem: string }

/** `explicit`: the port that the sidecar opens, and the app's on loopback. */
export interface Mapping {
  readonly listen: number
  readonly app: number
}

const maxItems = 64

/** `22,9000` */
export function readPorts(text: string): Read<readonly number[]> {
  const value: number[] = []
  for (const item of itemsOf(text)) {
    const port = portOf(item)
    if (port === undefined) return { problem: `has ${shown(item)}, which is no port` }
    if (isReserved(port)) return { problem: reserved(port) }
    value.push(port)
  }
  return bounded([...new Set(value)].sort((a, b) => a - b))
}

/** `8080:8081,9090:9091`, in that order: the sidecar's port and the app's. */
export function readMappings(text: string): Read<readonly Mapping[]> {
  const value: Mapping[] = []
  for (const item of itemsOf(text)) {
    const [left = '', right = '', ...more] = item.split(':')
    const listen = portOf(left)
    const app = portOf(right)
    if (listen === undefined || app === undefined || more.length > 0) {
      return { problem: `has ${shown(item)}, which is not of the form 8080:8081` }
    }
    const ours = [listen, app].find(isReserved)
    if (ours !== undefined) return { problem: reserved(ours) }
    value.push({ listen, app })
  }
  const listens = value.map(({ listen }) => listen)
  const twice = listens.find((port, index) => listens.indexOf(port) !== index)
  if (twice !== undefined) return { problem: `gives port ${twice} to the sidecar twice` }
  const both = value.find(({ app }) => listens.includes(app))
  if (both !== undefined) {
    return { problem: `names port ${both.app} for the app and for the sidecar: they need one each` }
  }
  return bounded(value)
}

/** `10.0.0.0/8,fd00::/8` */
export function readCidrs(text: string): Read<readonly string[]> {
  const value: string[] = []
  for (const item of itemsOf(text)) {
    const network = cidrOf(item)
    if (network === undefined) {
      return { problem: `has ${shown(item)}, which is no network such as 10.0.0.0/8 or fd00::/8` }
    }
    if (network.hostBits) {
      return { problem: `has ${shown(item)}, an address with a prefix that cuts it off` }
    }
    value.push(item)
  }
  return bounded([...new Set(value)])
}

function bounded<T>(value: readonly T[]): Read<readonly T[]> {
  if (value.length === 0) return { problem: 'is empty' }
  if (value.length > maxItems) return { problem: `has more than ${maxItems} entries` }
  return { value }
}

function itemsOf(text: string): readonly string[] {
  const items = text.slice(0, 8192).split(',')
  return items.map((item) => item.trim())
}

function portOf(text: string): number | undefined {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}

function reserved(port: number): string {
  return `names port ${port}: ${reservedPorts} are the sidecar's`
}

function shown(item: string): string {
  return JSON.stringify(item.slice(0, 64))
}

function cidrOf(text: string): { readonly hostBits: boolean } | undefined {
  const match = /^([0-9a-fA-F.:]{2,45})\/(\d{1,3})$/.exec(text)
  const address = match?.[1] ?? ''
  const length = Number(match?.[2])
  const family = isIP(address)
  if (match === null || family === 0 || length > (family === 4 ? 32 : 128)) return undefined
  const bits = bitsOf(address, family)
  return { hostBits: bits.slice(length).includes('1') }
}

function bitsOf(address: string, family: number): string {
  const groups =
    family === 4
      ? address.split('.').map(Number)
      : groupsOf(new URL(`http://[${address}]`).hostname)
  return groups.map((group) => group.toString(2).padStart(family === 4 ? 8 : 16, '0')).join('')
}

/** The eight groups of an IPv6 address in brackets, as a URL has it: no dots, one `::` at most. */
function groupsOf(hostname: string): number[] {
  const [head = '', tail] = hostname.slice(1, -1).split('::')
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const left = read(head)
  const right = read(tail ?? '')
  const gap = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array<number>(gap).fill(0), ...right]
}

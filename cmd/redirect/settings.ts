import { isIP } from 'node:net'
import { setting } from '../../pkg/config/settings.ts'
import { parseAddress } from '../../pkg/http/address.ts'
import { marker, ownPorts } from '../../pkg/redirect/plan.ts'

const port = (help: string, fallback: number) =>
  setting.integer({ help, min: 1, max: 65_535, default: fallback })
const excluded = (help: string) =>
  setting.list(setting.parsed(parseExcludedPort, 'PORT outside 15400-15499', { help }))

export const definition = {
  program: 'redirect',
  summary: 'Redirects the TCP connections of one pod to its sidecar, and ends.',
  fields: {
    inboundPort: port('where connections from outside go', 15401),
    outboundPort: port('where connections of the pod go', 15402),
    sidecarUser: setting.integer({
      help: 'user id of the sidecar, which no other container may have',
      min: 1,
      max: 2_147_483_647,
      default: 15400,
    }),
    excludeInboundPorts: excluded('ports that callers reach without the sidecar; repeatable'),
    excludeOutboundPorts: excluded('ports that the pod reaches without the sidecar; repeatable'),
    excludeOutboundCidrs: setting.list(
      setting.parsed(parseCidr, 'ADDRESS/LENGTH', {
        help: 'networks that the pod reaches without the sidecar; repeatable',
      }),
    ),
    awaitSidecar: setting.parsed(parseAddress, 'HOST:PORT', {
      help: 'admin port of the sidecar: end once it is ready; without, end once the rules are there',
    }),
    logLevel: setting.string({
      help: 'silent writes nothing but what is wrong',
      oneOf: ['debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
    }),
  },
} as const

function parseExcludedPort(text: string): number | undefined {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : 0
  const isOurs = value >= ownPorts.first && value <= ownPorts.last
  return value < 1 || value > 65_535 || isOurs || value === marker.port ? undefined : value
}

/** A network as iptables shows it: its address has no bit beyond its length. */
function parseCidr(text: string): string | undefined {
  const [, address = '', digits = ''] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? []
  const version = isIP(address)
  const length = Number(digits)
  if (version === 0 || length > (version === 4 ? 32 : 128)) return undefined
  return `${maskedText(version === 4 ? bytesOf4(address) : bytesOf6(address), length)}/${length}`
}

function bytesOf4(address: string): number[] {
  return address.split('.').map(Number)
}

function bytesOf6(address: string): number[] {
  // The URL parser writes what has many spellings in one: without dots, eight groups but for one gap.
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = '', tail] = plain.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const gap = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...gap, ...after].flatMap((group) => {
    const value = parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

function maskedText(bytes: readonly number[], length: number): string {
  const masked = bytes.map((byte, at) => {
    const bits = Math.min(8, Math.max(0, length - at * 8))
    return byte & (0xff << (8 - bits)) & 0xff
  })
  if (masked.length === 4) return masked.join('.')
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((masked[at * 2] ?? 0) << 8) | (masked[at * 2 + 1] ?? 0)).toString(16),
  )
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

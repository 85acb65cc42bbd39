import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import type { Address } from '../../http/address.ts'
import { StartError } from '../../refusal/exit-codes.ts'
import { isMapped, plainAddress } from '../plain-address.ts'

/** Where a redirected connection was going; undefined where the kernel does not say. */
export type OriginalDestination = (socket: Socket) => Address | undefined

/** `SO_ORIGINAL_DST` and `IP6T_SO_ORIGINAL_DST` (linux/netfilter_ipv4.h, netfilter_ipv6/ip6_tables.h). */
const option = 80
const levels = { IPv4: 0, IPv6: 41 }
const errors = { noEntry: 2, noOption: 92 }

type GetSocketOption = (
  descriptor: number,
  level: number,
  name: number,
  ...value: [Buffer, Uint32Array]
) => number

/** What is not in Node's documentation, and is checked at start. */
interface WithHandle {
  readonly _handle?: { readonly fd?: unknown } | null
}

/**
 * Asks the kernel by `getsockopt`. Throws StartError where this Node.js, the library that calls the kernel
 * or the kernel itself cannot tell.
 */
export async function openOriginalDestination(): Promise<OriginalDestination> {
  const { call, errno } = await load()
  const value = Buffer.alloc(28)
  const length = new Uint32Array(1)

  const ask = (socket: Socket): { level: number; result: number } | undefined => {
    const descriptor = (socket as WithHandle)._handle?.fd
    if (typeof descriptor !== 'number' || descriptor < 0) return undefined
    const level = isIPv4(socket) ? levels.IPv4 : levels.IPv6
    length[0] = value.length
    return { level, result: call(descriptor, level, option, value, length) }
  }

  await check((socket) => {
    const answer = ask(socket)
    if (answer === undefined) {
      return new StartError('internal', 'this Node.js does not show the descriptor of a socket')
    }
    const error = answer.result === 0 ? 0 : errno()
    if (error === 0 || error === errors.noEntry) return undefined
    const why = error === errors.noOption ? 'it does not follow connections' : `error ${error}`
    return new StartError(
      'rulesNotInPlace',
      `--interception redirect: the kernel does not tell the original destination of a connection: ${why}`,
    )
  })

  return (socket) => {
    const answer = ask(socket)
    if (answer?.result !== 0) return undefined
    return answer.level === levels.IPv4 ? readIPv4(value) : readIPv6(value)
  }
}

function isIPv4({ remoteAddress = '' }: Socket): boolean {
  return !remoteAddress.includes(':') || isMapped(remoteAddress)
}

/** `struct sockaddr_in`: the port at 2, the address at 4. */
export function readIPv4(value: Buffer): Address {
  return { host: value.subarray(4, 8).join('.'), port: value.readUInt16BE(2) }
}

/** `struct sockaddr_in6`: the port at 2, the address at 8. */
export function readIPv6(value: Buffer): Address | undefined {
  const groups = Array.from({ length: 8 }, (_, at) => value.readUInt16BE(8 + at * 2).toString(16))
  const host = plainAddress(groups.join(':'))
  return host === undefined ? undefined : { host, port: value.readUInt16BE(2) }
}

async function load(): Promise<{ call: GetSocketOption; errno: () => number }> {
  try {
    const { default: koffi } = await import('koffi')
    const call = koffi
      .load(null)
      .func(
        'int getsockopt(int descriptor, int level, int name, uint8_t *value, uint32_t *length)',
      ) as unknown as GetSocketOption
    return { call, errno: () => koffi.errno() }
  } catch (error) {
    throw new StartError(
      'inputMissing',
      '--interception redirect: the native module that asks the kernel cannot be loaded; it belongs beside the program',
      error,
    )
  }
}

/** Runs `look` on the accepted side of a connection of our own. */
async function check(look: (socket: Socket) => StartError | undefined): Promise<void> {
  const server = createServer()
  const looked = new Promise<StartError | undefined>((resolve, reject) => {
    server.once('error', reject)
    server.once('connection', (socket) => {
      const found = look(socket)
      socket.destroy()
      resolve(found)
    })
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      connect(port, '127.0.0.1').on('error', () => undefined)
    })
  })
  try {
    const found = await looked
    if (found !== undefined) throw found
  } finally {
    server.close()
  }
}

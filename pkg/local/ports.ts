import { createSocket, type Socket } from 'node:dgram'
import { createServer } from 'node:net'
import { StartError } from '../refusal/exit-codes.ts'

/** One port of this machine and who it is for. */
export interface PortWish {
  /** Stays the same from start to start: what a chosen port is remembered under. */
  readonly key: string
  /** As a message names it. */
  readonly what: string
  /** Given by the file; absent: any that is free. */
  readonly port?: number | undefined
}

export interface ChosenPorts {
  readonly ports: Readonly<Record<string, number>>
  /** Lets others choose them again. */
  readonly release: () => void
}

/** Below the range from which systems take the ports of outgoing connections. */
const first = 20_000
const count = 10_000
const attempts = 500

/**
 * Gives every wish a port that is free on 127.0.0.1 now: the one it names, else the one it had before,
 * else a random one. Throws StartError when a named one is taken. Until `release` no other call, in
 * whichever process, chooses the same ones, though whoever is to listen there does so only later.
 */
export async function choosePorts(
  wishes: readonly PortWish[],
  before: Readonly<Record<string, number>>,
  random: () => number,
): Promise<ChosenPorts> {
  const ports: Record<string, number> = {}
  const claims: Socket[] = []
  const release = (): void => claims.splice(0).forEach((claim) => claim.close())
  const take = async (port: number): Promise<boolean> => {
    if (Object.values(ports).includes(port) || !(await isFree(port))) return false
    const claim = await claimPort(port)
    if (claim !== undefined) claims.push(claim)
    return claim !== undefined
  }
  try {
    Object.assign(ports, await givenPorts(wishes))
    for (const { key, port } of wishes) {
      if (port !== undefined) continue
      const kept = before[key]
      let free = kept !== undefined && (await take(kept)) ? kept : undefined
      for (let attempt = 0; free === undefined && attempt < attempts; attempt += 1) {
        const candidate = first + Math.floor(random() * count)
        if (await take(candidate)) free = candidate
      }
      if (free === undefined) {
        const message = `no free port was found from ${first} to ${first + count - 1}`
        throw new StartError('portUnavailable', message)
      }
      ports[key] = free
    }
  } catch (error) {
    release()
    throw error
  }
  return { ports, release }
}

async function givenPorts(wishes: readonly PortWish[]): Promise<Record<string, number>> {
  const problems: string[] = []
  const ports: Record<string, number> = {}
  for (const { key, what, port } of wishes) {
    if (port === undefined) continue
    ports[key] = port
    if (await isFree(port)) continue
    problems.push(
      `port ${port} is in use; ${what} wants it: stop what listens there (\`ss -ltnp 'sport = :${port}'\` shows it), or give another port in local.yaml`,
    )
  }
  if (problems.length > 0) throw new StartError('portUnavailable', problems.join('\n'))
  return ports
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve(true)))
  })
}

/** The UDP port of the same number, which nobody here uses, says that it is taken. */
function claimPort(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const claim = createSocket('udp4')
    claim.once('error', () => {
      claim.close()
      resolve(undefined)
    })
    claim.bind({ address: '127.0.0.1', port, exclusive: true }, () => {
      claim.unref()
      resolve(claim)
    })
  })
}

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

/** Below the range from which systems take the ports of outgoing connections. */
const first = 20_000
const count = 10_000
const attempts = 500

/**
 * Gives every wish a port that is free on 127.0.0.1 now: the one it names, else the one it had before,
 * else a random one. Throws StartError when a named one is taken.
 */
export async function choosePorts(
  wishes: readonly PortWish[],
  before: Readonly<Record<string, number>>,
  random: () => number,
): Promise<Record<string, number>> {
  const problems: string[] = []
  const chosen: Record<string, number> = {}
  const taken = new Set<number>()
  for (const { key, what, port } of wishes) {
    if (port === undefined) continue
    if (!(await isFree(port))) {
      problems.push(
        `port ${port} is in use; ${what} wants it: stop what listens there (\`ss -ltnp 'sport = :${port}'\` shows it), or give another port in local.yaml`,
      )
    }
    chosen[key] = port
    taken.add(port)
  }
  if (problems.length > 0) throw new StartError('portUnavailable', problems.join('\n'))
  for (const { key, port } of wishes) {
    if (port !== undefined) continue
    const kept = before[key]
    const reusable = kept !== undefined && !taken.has(kept) && (await isFree(kept))
    const free = reusable ? kept : await findFree(taken, random)
    chosen[key] = free
    taken.add(free)
  }
  return chosen
}

async function findFree(taken: ReadonlySet<number>, random: () => number): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = first + Math.floor(random() * count)
    if (!taken.has(port) && (await isFree(port))) return port
  }
  throw new StartError(
    'portUnavailable',
    `no free port was found from ${first} to ${first + count - 1}`,
  )
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve(true)))
  })
}

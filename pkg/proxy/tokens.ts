import { createBoundedMap } from '../cache/bounded-map.ts'
import { createSingleFlight } from '../cache/single-flight.ts'
import { rowOf } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { IssuedToken } from '../token/exchange.ts'
import type { Log } from '../telemetry/log.ts'
import type { Wanted } from './authority-client.ts'

/** Tokens for targets: cached, fetched once at a time, those of the workload itself renewed ahead. */
export interface Tokens {
  /** What is cached; one of the workload itself is renewed ahead meanwhile. */
  cached(wanted: Wanted): string | undefined
  /** Asks the authority. Rejects with its Refusal. */
  fetch(wanted: Wanted): Promise<string>
  readonly counts: Readonly<TokenCounts>
  readonly size: number
  readonly bytes: number
}

export interface TokenCounts {
  hits: number
  misses: number
  renewals: number
  failures: number
}

interface Entry {
  readonly token: string
  /** On the monotonic clock and on the wall's: whichever comes first. */
  readonly expiresAtMs: number
  readonly expiresAtWallMs: number
  /** When it is renewed ahead; infinite for tokens of a subject, which live as long as its own. */
  renewAtMs: number
  pauseMs: number
}

/** A token that ends within this is not sent: it has to arrive as well. */
const marginMs = 2_000
const entryBytes = 400
const firstPauseMs = 1_000
const maxPauseMs = 30_000

/** An empty cache of at most `maxBytes`, 16 MiB unless said otherwise. */
export function createTokens(options: {
  readonly ask: (wanted: Wanted) => Promise<IssuedToken>
  readonly log: Log
  readonly maxBytes?: number
  /** A clock that never runs backwards. */
  readonly nowMs?: () => number
  readonly wallMs?: () => number
  readonly random?: () => number
}): Tokens {
  const { ask, log, maxBytes = 16 * 1024 * 1024 } = options
  const { nowMs = () => performance.now(), wallMs = () => Date.now() } = options
  const { random = Math.random } = options
  const entries = createBoundedMap<Entry>({
    maxBytes,
    sizeBytes: ({ token }, key) => token.length + key.length + entryBytes,
  })
  const flights = createSingleFlight<string>()
  const counts: TokenCounts = { hits: 0, misses: 0, renewals: 0, failures: 0 }

  const fetch = async (key: string, wanted: Wanted): Promise<string> => {
    const askedAtMs = nowMs()
    const askedAtWallMs = wallMs()
    try {
      const { accessToken, expiresInSeconds } = await ask(wanted)
      const lifeMs = expiresInSeconds * 1_000
      // From two thirds of its life, at most a tenth of it later.
      const ahead = lifeMs * (2 / 3 + random() / 10)
      entries.set(key, {
        token: accessToken,
        expiresAtMs: askedAtMs + lifeMs,
        expiresAtWallMs: askedAtWallMs + lifeMs,
        renewAtMs: wanted.subject === undefined ? askedAtMs + ahead : Infinity,
        pauseMs: firstPauseMs,
      })
      return accessToken
    } catch (error) {
      counts.failures += 1
      throw error
    }
  }

  const renew = (key: string, wanted: Wanted, entry: Entry): void => {
    counts.renewals += 1
    // While it is under way, and after it failed, nobody else begins another.
    entry.renewAtMs = nowMs() + entry.pauseMs * (0.75 + random() / 2)
    entry.pauseMs = Math.min(maxPauseMs, entry.pauseMs * 2)
    flights
      .run(key, () => fetch(key, wanted))
      .catch((err: unknown) => {
        if (err instanceof Refusal && rowOf(err.reason).status < 500) {
          entries.delete(key)
          log.warn({ reason: err.reason, audience: wanted.audience }, 'a token is not renewed')
        } else {
          log.warn({ err, audience: wanted.audience }, 'a token is not renewed yet')
        }
      })
  }

  return {
    cached(wanted) {
      const key = keyOf(wanted)
      const entry = entries.get(key)
      if (entry !== undefined) {
        const now = nowMs()
        if (now + marginMs < entry.expiresAtMs && wallMs() + marginMs < entry.expiresAtWallMs) {
          counts.hits += 1
          if (now >= entry.renewAtMs) renew(key, wanted, entry)
          return entry.token
        }
        entries.delete(key)
      }
      return undefined
    },
    fetch(wanted) {
      counts.misses += 1
      const key = keyOf(wanted)
      return flights.run(key, () => fetch(key, wanted))
    },
    counts,
    get size() {
      return entries.size
    },
    get bytes() {
      return entries.bytes
    },
  }
}

/** Neither a hash, an audience nor a scope holds a space. */
function keyOf({ subject, audience, scopes }: Wanted): string {
  return `${subject === undefined ? 'self' : subject.bearer.hash} ${audience} ${scopes.join(' ')}`
}

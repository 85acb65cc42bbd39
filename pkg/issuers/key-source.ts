import { createBoundedMap } from '../cache/bounded-map.ts'
import { createSingleFlight } from '../cache/single-flight.ts'
import type { Log } from '../telemetry/log.ts'
import type { IssuerTrust, JsonWebKeyRow } from '../token/claims.ts'
import type { GuardedFetch } from './guarded-fetch.ts'
import { readJwks } from './read-jwks.ts'

/** What a TrustedIssuer's status shows of its keys. */
export interface KeyStatus {
  /** When keys last came; absent: never. */
  readonly fetchedAtMs?: number
  /** Of the keys that are usable. */
  readonly keyIds: readonly string[]
  /** Why the last fetch failed; absent where it did not. */
  readonly lastError?: string
}

/** Keys of issuers that publish them at a `jwksUri`. */
export interface KeySource {
  /** Keeps the keys of these issuers fresh, and forgets all others. The first fetches begin at once. */
  track(trusts: readonly IssuerTrust[]): void
  /** The trust with the newest keys that were fetched; as it came where its keys are inline or none were. */
  withKeys(trust: IssuerTrust): IssuerTrust
  /**
   * A token named a key that is not here (MissingKey). Fetches, but at most once per 30 s and issuer and
   * not for a `kid` that a fetch has just not brought. True when the key has come, or for
   * an empty `kid` any: verify again.
   */
  refetch(issuerName: string, kid: string): Promise<boolean>
  /** Undefined for an issuer that is not tracked, or has its keys inline. */
  status(issuerName: string): KeyStatus | undefined
  close(): void
}

export interface KeySourceOptions {
  readonly fetch: GuardedFetch
  readonly log: Log
  /** Called when the keys or the status of an issuer changed. */
  readonly onChange?: (issuerName: string) => void
  readonly nowMs?: () => number
  /** 0 up to 1, for the jitter. */
  readonly random?: () => number
  /** Runs work later, once; gives what calls it off. */
  readonly schedule?: (afterMs: number, work: () => void) => () => void
}

const REFRESH_MS = 600_000
const RETRY_MS = 10_000
const COOLDOWN_MS = 30_000
const MISSING_KID_MS = 120_000
const MAX_MISSING_KIDS = 1024

interface Issuer {
  trust: IssuerTrust
  readonly uri: string
  keys?: readonly JsonWebKeyRow[]
  keyIds: readonly string[]
  fetchedAtMs?: number
  triedAtMs?: number
  lastError?: string
  failures: number
  cancel: () => void
}

function timeout(afterMs: number, work: () => void): () => void {
  const timer = setTimeout(work, afterMs).unref()
  return () => {
    clearTimeout(timer)
  }
}

/**
 * Keeps issuers' keys: fetched when the issuer is first tracked, again every 10 min (10 % jitter)
 * before anyone misses them, sooner after a failure; the keys last seen stay in use when a fetch fails.
 */
export function createKeySource(options: KeySourceOptions): KeySource {
  const {
    fetch,
    log,
    onChange,
    nowMs = Date.now,
    random = Math.random,
    schedule = timeout,
  } = options
  const issuers = new Map<string, Issuer>()
  const flight = createSingleFlight<void>()
  const missing = createBoundedMap<number>({
    maxEntries: MAX_MISSING_KIDS,
    ttlMs: MISSING_KID_MS,
    nowMs,
  })

  async function load(issuer: Issuer): Promise<void> {
    const { name } = issuer.trust
    issuer.cancel()
    issuer.triedAtMs = nowMs()
    const before = JSON.stringify([issuer.keys, issuer.lastError])
    try {
      const { keys, keyIds } = readJwks(await fetch.text(issuer.uri), issuer.trust.algorithms)
      Object.assign(issuer, { keys, keyIds, fetchedAtMs: nowMs(), failures: 0 })
      if (keys.length > 0) delete issuer.lastError
      else issuer.lastError = 'it publishes no key that is usable'
    } catch (error) {
      issuer.failures += 1
      issuer.lastError = wordsOf(error)
      log.warn({ issuer: name, error: issuer.lastError }, 'keys of the issuer could not be fetched')
    }
    // It may have been forgotten, or its address changed, while the answer was on its way.
    if (issuers.get(name) !== issuer) return
    plan(issuer)
    if (JSON.stringify([issuer.keys, issuer.lastError]) !== before) onChange?.(name)
  }

  function plan(issuer: Issuer): void {
    const pauseMs =
      issuer.failures === 0
        ? REFRESH_MS
        : Math.min(REFRESH_MS, RETRY_MS * 2 ** Math.min(issuer.failures - 1, 10))
    issuer.cancel = schedule(pauseMs * (0.9 + 0.2 * random()), () => void refresh(issuer))
  }

  function refresh(issuer: Issuer): Promise<void> {
    return flight.run(flightOf(issuer), () => load(issuer))
  }

  function forget(name: string): void {
    issuers.get(name)?.cancel()
    issuers.delete(name)
  }

  return {
    track(trusts) {
      const wanted = new Map(trusts.map((trust) => [trust.name, trust]))
      for (const [name, { uri }] of issuers) {
        if (wanted.get(name)?.jwksUri !== uri) forget(name)
      }
      for (const [name, trust] of wanted) {
        const known = issuers.get(name)
        if (known !== undefined) known.trust = trust
        else if (trust.jwksUri !== undefined) {
          const uri = trust.jwksUri
          const issuer: Issuer = { trust, uri, keyIds: [], failures: 0, cancel: () => undefined }
          issuers.set(name, issuer)
          void refresh(issuer)
        }
      }
    },
    withKeys(trust) {
      const issuer = issuers.get(trust.name)
      if (issuer?.keys === undefined || issuer.uri !== trust.jwksUri) return trust
      return { ...trust, jwks: { keys: issuer.keys } }
    },
    async refetch(issuerName, kid) {
      const issuer = issuers.get(issuerName)
      if (issuer === undefined) return false
      const isHere = (): boolean => kid !== '' && issuer.keyIds.includes(kid)
      if (isHere()) return true
      const before = issuer.keys
      const missingKey = `${issuerName} ${kid}`
      const isCool = issuer.triedAtMs === undefined || nowMs() - issuer.triedAtMs >= COOLDOWN_MS
      const isUnderWay = flight.has(flightOf(issuer))
      if (!isUnderWay && (!isCool || missing.get(missingKey) !== undefined)) return false
      await refresh(issuer)
      // A token that names no key may be verified by any that came.
      const hasCome = kid === '' ? issuer.keys !== before : isHere()
      if (!hasCome) missing.set(missingKey, 1)
      return hasCome
    },
    status(issuerName) {
      const issuer = issuers.get(issuerName)
      if (issuer === undefined) return undefined
      const { fetchedAtMs, keyIds, lastError } = issuer
      return {
        keyIds,
        ...(fetchedAtMs === undefined ? {} : { fetchedAtMs }),
        ...(lastError === undefined ? {} : { lastError }),
      }
    },
    close() {
      for (const name of [...issuers.keys()]) forget(name)
    },
  }
}

function flightOf({ trust, uri }: Issuer): string {
  return `${trust.name} ${uri}`
}

/** One line that says what went wrong, with the system's code where there is one. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it failed'
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return 'it did not answer in time'
  const code: unknown = 'code' in error ? error.code : undefined
  return error.message !== ''
    ? error.message.slice(0, 200)
    : typeof code === 'string'
      ? code
      : error.name
}

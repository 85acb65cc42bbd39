import type { KubeClient } from '../kube/client.ts'
import type { Log } from '../telemetry/log.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'
import type { Trust } from './sources/snapshot.ts'

const refreshMs = 3_600_000
/** For a key that is not here, however many tokens name one. */
const cooldownMs = 30_000
const firstRetryMs = 500
const longestRetryMs = 30_000

/** Who signs service-account tokens in this cluster. */
export interface ServiceAccountKeys {
  /** The same object while nothing has changed; undefined before the first fetch. */
  current(): Trust['serviceAccounts'] | undefined
  /** A token named a key that is not here: fetches, at most once per 30 s. */
  missing(): void
  problem(): string | undefined
  close(): void
}

/**
 * Fetches issuer and keys from the API server (OpenID Connect Discovery 1.0, as Kubernetes serves it),
 * again every hour and when a key is missed. What came last stays in use when a fetch fails.
 */
export function followServiceAccountKeys(options: {
  readonly client: Pick<KubeClient, 'request'>
  readonly log: Log
  readonly onChange: () => void
  readonly monotonicMs?: () => number
  readonly random?: () => number
}): ServiceAccountKeys {
  const { client, log, onChange, random = Math.random } = options
  const { monotonicMs = () => performance.now() } = options
  let current: Trust['serviceAccounts'] | undefined
  let text = ''
  let problem: string | undefined
  let failures = 0
  let fetchedAtMs = -Infinity
  let timer: NodeJS.Timeout | undefined
  let isFetching = false
  let closed = false

  const take = (issuer: unknown, keys: unknown): void => {
    if (typeof issuer !== 'string' || issuer === '') throw new Error('it names no issuer')
    if (!Array.isArray(keys) || keys.length === 0) throw new Error('it serves no keys')
    const next = { issuer, keys: keys as readonly JsonWebKeyRow[] }
    const nextText = JSON.stringify(next)
    if (nextText === text) return
    text = nextText
    current = next
    const keyIds = next.keys.map(({ kid }) => kid)
    log.info({ issuer, keyIds }, 'the keys of service-account tokens are known')
    onChange()
  }
  const fetch = async (): Promise<void> => {
    if (isFetching || closed) return
    isFetching = true
    clearTimeout(timer)
    fetchedAtMs = monotonicMs()
    let delayMs = refreshMs * (0.9 + random() / 10)
    try {
      const { issuer } = await client.request<{ readonly issuer?: unknown }>({
        method: 'GET',
        path: '/.well-known/openid-configuration',
      })
      const { keys } = await client.request<{ readonly keys?: unknown }>({
        method: 'GET',
        path: '/openid/v1/jwks',
        // It serves no other (RFC 7517 8.5.2).
        accept: 'application/jwk-set+json',
      })
      take(issuer, keys)
      failures = 0
      problem = undefined
    } catch (error) {
      const why = error instanceof Error ? error.message : 'a failure without words'
      const message = `the API server's keys of service-account tokens cannot be had: ${why}`
      if (message !== problem && !closed) log.warn({ problem: message }, 'no keys')
      problem = message
      delayMs = Math.min(longestRetryMs, firstRetryMs * 2 ** failures) * (0.5 + random() / 2)
      failures += 1
    }
    isFetching = false
    if (!closed) timer = setTimeout(() => void fetch(), delayMs)
  }
  void fetch()

  return {
    current: () => current,
    missing() {
      if (monotonicMs() - fetchedAtMs >= cooldownMs) void fetch()
    },
    problem: () => problem,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

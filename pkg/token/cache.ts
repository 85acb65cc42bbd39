import { createBoundedMap } from '../cache/bounded-map.ts'
import type { Bearer } from './claims.ts'
import { tokenHash } from './verify.ts'

/** Beside its strings: objects, arrays, the entry of the map. Measured, rounded up. */
const ENTRY_BYTES = 512

/** What a cache stands in front of: `Verifier`, or that of service-account tokens. */
export interface CachedVerifier<T> {
  verify(token: string, nowSeconds: number): T
  judge(verified: T, nowSeconds: number): void
}

export interface TokenCache<T = Bearer> {
  /** As the verifier's; a token that verified before costs one hash and its dates. */
  verify(token: string, nowSeconds: number): T
  readonly size: number
  readonly bytes: number
}

/**
 * Remembers tokens that one verifier accepted, by the SHA-256 of the whole token. Dates are judged on
 * every hit; a change of keys or trust means a new verifier and with it a new, empty cache. Refused
 * tokens are not remembered: each costs one verification, and no memory.
 */
export function createTokenCache<T extends object = Bearer>(options: {
  readonly verifier: CachedVerifier<T>
  readonly maxBytes: number
}): TokenCache<T> {
  const { verifier, maxBytes } = options
  const verified = createBoundedMap<T>({ maxBytes })
  return {
    verify(token, nowSeconds) {
      const key = tokenHash(token)
      const known = verified.get(key)
      if (known !== undefined) {
        verifier.judge(known, nowSeconds)
        return known
      }
      const fresh = verifier.verify(token, nowSeconds)
      verified.set(key, fresh, ENTRY_BYTES + token.length * 2)
      return fresh
    },
    get size() {
      return verified.size
    },
    get bytes() {
      return verified.bytes
    },
  }
}

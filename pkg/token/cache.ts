import { createBoundedMap } from '../cache/bounded-map.ts'
import type { Bearer } from './claims.ts'
import { tokenHash, type Verifier } from './verify.ts'

/** Beside its strings: objects, arrays, the entry of the map. Measured, rounded up. */
const ENTRY_BYTES = 512

export interface TokenCache {
  /** As `Verifier.verify`; a token that verified before costs one hash and its dates. */
  verify(token: string, nowSeconds: number): Bearer
  readonly size: number
  readonly bytes: number
}

/**
 * Remembers tokens that one verifier accepted, by the SHA-256 of the whole token. Dates are judged on
 * every hit; a change of keys or trust means a new verifier and with it a new, empty cache. Refused
 * tokens are not remembered: each costs one verification, and no memory.
 */
export function createTokenCache(options: {
  readonly verifier: Verifier
  readonly maxBytes: number
}): TokenCache {
  const { verifier, maxBytes } = options
  const bearers = createBoundedMap<Bearer>({ maxBytes })
  return {
    verify(token, nowSeconds) {
      const key = tokenHash(token)
      const known = bearers.get(key)
      if (known !== undefined) {
        verifier.judge(known, nowSeconds)
        return known
      }
      const bearer = verifier.verify(token, nowSeconds, key)
      bearers.set(key, bearer, ENTRY_BYTES + token.length * 2)
      return bearer
    },
    get size() {
      return bearers.size
    },
    get bytes() {
      return bearers.bytes
    },
  }
}

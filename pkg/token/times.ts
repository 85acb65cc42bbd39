import { Refusal } from '../refusal/refusal.ts'
import { refuseClaim } from './refuse-claim.ts'
import type { JsonObject } from './json.ts'

/** Skew between clocks that is forgiven where nothing else is said (tokens.md, JOSE rules). */
export const CLOCK_SKEW_SECONDS = 30

/** The dates of a token, in seconds; 0 for `iat` and `nbf` that are absent. */
export interface Times {
  readonly issuedAtSeconds: number
  readonly notBeforeSeconds: number
  readonly expiresAtSeconds: number
}

/** Reads `exp` (required), `iat` and `nbf` (RFC 7519 4.1). Refuses `token_claims`. */
export function readTimes(claims: JsonObject): Times {
  return {
    issuedAtSeconds: claims['iat'] === undefined ? 0 : date(claims, 'iat'),
    notBeforeSeconds: claims['nbf'] === undefined ? 0 : date(claims, 'nbf'),
    expiresAtSeconds: date(claims, 'exp'),
  }
}

/** A NumericDate: a finite number, not negative and within what is exact (RFC 7519 2). */
function date(claims: JsonObject, name: string): number {
  const value = claims[name]
  if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value
  throw refuseClaim(name)
}

/** Refuses `token_expired` or `token_not_yet_valid`; the skew is granted at both ends. */
export function judgeTimes(times: Times, nowSeconds: number, clockSkewSeconds: number): void {
  if (!(nowSeconds - clockSkewSeconds < times.expiresAtSeconds)) throw new Refusal('token_expired')
  const latest = nowSeconds + clockSkewSeconds
  if (!(times.notBeforeSeconds <= latest && times.issuedAtSeconds <= latest)) {
    throw new Refusal('token_not_yet_valid')
  }
}

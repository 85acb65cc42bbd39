import { audiencesOf } from './audiences.ts'
import type { JsonObject } from './json.ts'
import { refuseClaim } from './refuse-claim.ts'

/** RFC 6749 3.3. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** A claim that is a string of well-formed Unicode, not empty. Refuses `token_claims`. */
export function readString(claims: JsonObject, name: string): string {
  const value = claims[name]
  if (typeof value === 'string' && value !== '' && value.isWellFormed()) return value
  throw refuseClaim(name)
}

/** The same, or empty where the claim is absent. */
export function readOptionalString(claims: JsonObject, name: string): string {
  return claims[name] === undefined ? '' : readString(claims, name)
}

/** `aud` (RFC 7519 4.1.3): at least one value. */
export function readAudiences(claims: JsonObject): readonly string[] {
  const audiences = audiencesOf(claims['aud'])
  if (audiences === undefined) throw refuseClaim('aud')
  return Object.freeze(audiences)
}

/** Scopes as one string with spaces (RFC 8693 4.2) or as an array; none where the claim is absent. */
export function readScopes(claims: JsonObject, name: string): readonly string[] {
  const value = claims[name]
  if (value === undefined) return none
  const scopes = readStrings(
    typeof value === 'string' ? value.split(' ').filter(Boolean) : value,
    name,
  )
  if (!scopes.every((scope) => scopeToken.test(scope))) throw refuseClaim(name)
  return Object.freeze([...new Set(scopes)])
}

/** An array of strings, none empty. */
export function readStrings(value: unknown, name: string): readonly string[] {
  const isString = (item: unknown): item is string =>
    typeof item === 'string' && item !== '' && item.isWellFormed()
  if (!Array.isArray(value) || !value.every(isString)) throw refuseClaim(name)
  return Object.freeze([...value])
}

export const none: readonly string[] = Object.freeze([])

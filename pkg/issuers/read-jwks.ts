import { importKeySet } from '../token/key-set.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'

/**
 * The public members of a key (RFC 7517 4, RFC 7518 6), all of them texts; certificates and extensions are
 * left behind, and `key_ops`, which has been judged by then: what is kept goes to every sidecar, and a list
 * of whatever depth would come along.
 */
const members = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use']
const MAX_ROWS = 64

/**
 * Reads a published JWK set (RFC 7517 5) and keeps what can verify with one of the algorithms. A plain
 * Error where the text is not of that shape.
 */
export function readJwks(
  text: string,
  algorithms: readonly string[],
): { readonly keys: readonly JsonWebKeyRow[]; readonly keyIds: readonly string[] } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('the answer is not JSON')
  }
  const rows =
    typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined
  if (!Array.isArray(rows)) throw new Error('the answer is not a JWK set')
  // Keys that share a kid stay in: the verifier must see that they do.
  const keys = (rows as unknown[])
    .slice(0, MAX_ROWS)
    .filter((row) => importKeySet([row], algorithms).keys.length === 1)
    .map((row) => pick(row as JsonWebKeyRow))
  const usable = importKeySet(keys, algorithms).keys
  return { keys, keyIds: usable.map(({ kid }) => kid ?? '') }
}

function pick(row: JsonWebKeyRow): JsonWebKeyRow {
  return Object.fromEntries(
    members.filter((name) => typeof row[name] === 'string').map((name) => [name, row[name]]),
  )
}

import { createHash } from 'node:crypto'

const known = new WeakMap<object, string>()

/**
 * SHA-256 (base64url) of the canonical JSON of a section: keys sorted, no spaces. A section is never
 * changed once made, so an object that many clients share is hashed once.
 */
export function hashOf(section: object): string {
  let hash = known.get(section)
  if (hash === undefined) {
    hash = createHash('sha256').update(canonicalJson(section)).digest('base64url')
    known.set(section, hash)
  }
  return hash
}

/** JSON with the keys of every object in order, so that equal values are equal texts. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const row = value as Readonly<Record<string, unknown>>
  const members = Object.keys(row)
    .filter((key) => row[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(row[key])}`)
  return `{${members.join(',')}}`
}

/** A JSON object as it was parsed: read its members with `Object.hasOwn` where the name is input. */
export type JsonObject = Readonly<Record<string, unknown>>

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/**
 * Parses a JSON object of bounded depth whose members all have different names (RFC 7515 4, RFC 7519 4).
 * Gives undefined for anything else.
 *
 * `JSON.parse` keeps the last of several members of one name. Each member has one colon outside
 * strings, so a text with more of these than the value has members repeats a name somewhere.
 */
export function parseObject(text: string, maxDepth = 16): JsonObject | undefined {
  const colons = countColons(text, maxDepth)
  if (colons === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  return isObject(value) && countMembers(value) === colons ? value : undefined
}

/** Whether a parsed value is an object; an array is none. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Colons outside strings; undefined where brackets nest too deep. The text need not be JSON. */
function countColons(text: string, maxDepth: number): number | undefined {
  let colons = 0
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at += 1
      while (at < text.length) {
        const inside = text.charCodeAt(at)
        if (inside === QUOTE) break
        at += inside === BACKSLASH ? 2 : 1
      }
    } else if (code === COLON) {
      colons += 1
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1
      if (depth > maxDepth) return undefined
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1
    }
  }
  return colons
}

function countMembers(value: object): number {
  let members = 0
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) {
      if (typeof item === 'object' && item !== null) members += countMembers(item)
    }
    return members
  }
  // What was parsed has no members but its own, and no array of them is made here.
  for (const name in value) {
    members += 1
    const item = (value as JsonObject)[name]
    if (typeof item === 'object' && item !== null) members += countMembers(item)
  }
  return members
}

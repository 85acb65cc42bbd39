/**
 * Reading and comparing raw JSON of objects that are not ours: nothing is decoded into types of ours and
 * back, so what we do not know stays as it is.
 */
export type Json = Readonly<Record<string, unknown>>

/** The value where it is an object, else an empty one. */
export function mapOf(value: unknown): Json {
  return isMap(value) ? value : {}
}

/** The value where it is a list, else an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

/** The value where it is a text, else undefined. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether two values say the same, whatever the order of members. */
export function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b)
}

/** JSON with members in the order of their names: one text for each value. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isMap(value)) return JSON.stringify(value) ?? 'null'
  const names = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`).join(',')}}`
}

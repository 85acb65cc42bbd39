import { nearest } from '../config/nearest.ts'
import type { FieldPath } from '../config/yaml.ts'

/** Takes note of what is wrong at a field of the file. */
export type Report = (at: FieldPath, message: string) => void

/** Reads one value; undefined after a report. */
export type Shape<T> = (value: unknown, at: FieldPath, report: Report) => T | undefined

interface Field<T> {
  readonly shape: Shape<T>
  readonly absent?: () => T
  readonly required: boolean
}

/** A field that must be there. */
export function required<T>(shape: Shape<T>): Field<T> {
  return { shape, required: true }
}

/** A field that may be absent, and is undefined then. */
export function optional<T>(shape: Shape<T>): Field<T | undefined> {
  return { shape, required: false, absent: () => undefined }
}

/** A field that may be absent, and has this value then. */
export function defaulted<T>(shape: Shape<T>, value: T): Field<T> {
  return { shape, required: false, absent: () => value }
}

type Fields<T> = { readonly [K in keyof T]: Field<T[K]> }

/** A map with exactly these fields; one that is unknown is a problem that names the nearest known. */
export function record<T extends object>(fields: Fields<T>): Shape<T> {
  const names = Object.keys(fields)
  return (value, at, report) => {
    if (!isMap(value)) {
      report(at, `must be a map with ${list(names)}`)
      return undefined
    }
    let whole = true
    for (const name of Object.keys(value)) {
      if (names.includes(name)) continue
      const near = nearest(name, names)
      const hint = near === undefined ? `known are ${list(names)}` : `did you mean "${near}"?`
      report([...at, name], `unknown field "${name.slice(0, 64)}"; ${hint}`)
      whole = false
    }
    const read: Record<string, unknown> = {}
    for (const [name, field] of Object.entries<Field<unknown>>(fields)) {
      const given = Object.hasOwn(value, name) ? value[name] : undefined
      if (given === undefined || given === null) {
        if (field.required) report([...at, name], `"${name}" is missing`)
        whole &&= !field.required
        read[name] = field.absent?.()
        continue
      }
      read[name] = field.shape(given, [...at, name], report)
      whole &&= read[name] !== undefined
    }
    return whole ? (read as T) : undefined
  }
}

/** A list of so many values of one shape. */
export function listOf<T>(shape: Shape<T>, bounds: { min: number; max: number }): Shape<T[]> {
  return (value, at, report) => {
    if (!Array.isArray(value) || value.length < bounds.min || value.length > bounds.max) {
      report(at, `must be a list of ${bounds.min} to ${bounds.max} items`)
      return undefined
    }
    const items = value.map((item, index) => shape(item, [...at, index], report))
    return items.every((item) => item !== undefined) ? items : undefined
  }
}

/** A map of texts; numbers and booleans stand for their text. */
export function textsByName(form: RegExp, what: string): Shape<Record<string, string>> {
  return (value, at, report) => {
    if (!isMap(value)) {
      report(at, 'must be a map of texts')
      return undefined
    }
    let whole = true
    const read: [string, string][] = []
    for (const [name, entry] of Object.entries(value)) {
      const plain = ['string', 'number', 'boolean'].includes(typeof entry)
      if (!form.test(name)) report([...at, name], `"${name.slice(0, 64)}" is not ${what}`)
      else if (!plain) report([...at, name], 'must be a text')
      whole &&= form.test(name) && plain
      read.push([name, String(entry)])
    }
    return whole ? Object.fromEntries(read) : undefined
  }
}

/** A text of this form; `what` says it in words. */
export function text(form: RegExp, what: string): Shape<string> {
  return (value, at, report) => {
    if (typeof value === 'string' && form.test(value)) return value
    report(at, `must be ${what}`)
    return undefined
  }
}

/** A port, 1 to 65535. */
export const portNumber: Shape<number> = (value, at, report) => {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535) {
    return value as number
  }
  report(at, 'must be a port, 1 to 65535')
  return undefined
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}

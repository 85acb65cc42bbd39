/** Something in a resource that is not understood: the whole resource then allows nothing (api.md). */
export interface Problem {
  /** Path of the field, such as `spec.rules[2].operations[0].paths[1]`. */
  readonly field: string
  readonly message: string
}

type Row = Readonly<Record<string, unknown>>

/** Reads values and collects what is wrong with them; a wrong value is read as undefined. */
export interface Reader {
  readonly problems: readonly Problem[]
  report(field: string, message: string): undefined
  /** An object that has no other members than these: one that is dropped could widen access. */
  object(value: unknown, field: string, known: readonly string[]): Row | undefined
  text(value: unknown, field: string, check?: Check): string | undefined
  list(value: unknown, field: string, bounds: Bounds): readonly unknown[] | undefined
  texts(value: unknown, field: string, options: Bounds & { check?: Check }): string[] | undefined
}

/** Why a text is not what it should be; undefined: it is. */
export type Check = (text: string) => string | undefined

interface Bounds {
  readonly min?: number
  readonly max: number
}

/** A reader that has found nothing yet. */
export function createReader(): Reader {
  const problems: Problem[] = []
  const report = (field: string, message: string): undefined => {
    problems.push({ field, message })
    return undefined
  }

  const text: Reader['text'] = (value, field, check) => {
    if (typeof value !== 'string') return report(field, 'is not a text')
    const problem = check?.(value)
    return problem === undefined ? value : report(field, problem)
  }

  const list: Reader['list'] = (value, field, { min = 0, max }) => {
    if (!Array.isArray(value)) return report(field, 'is not a list')
    if (value.length < min) return report(field, 'is empty')
    if (value.length > max) return report(field, `has more than ${max} entries`)
    return value as readonly unknown[]
  }

  return {
    problems,
    report,
    object(value, field, known) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        return report(field, 'is not an object')
      }
      for (const name of Object.keys(value)) {
        if (!known.includes(name)) report(`${field}.${name}`, 'is not a known field')
      }
      return value as Row
    },
    text,
    list,
    texts(value, field, options) {
      const rows = list(value, field, options)
      return rows?.flatMap((row, i) => text(row, `${field}[${i}]`, options.check) ?? [])
    },
  }
}

/** A check by a pattern, with what the text should be. */
export function matching(pattern: RegExp, what: string): Check {
  return (text) => (pattern.test(text) ? undefined : `is not ${what}`)
}

/** RFC 1123 label: the name of a namespace, Service, port or rule. With a dot it could be a host's. */
export const labelName: Check = matching(
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  'a name of 1 to 63 lower case letters, digits and "-"',
)

/** RFC 1123 name of an object; a `*` or a slash in it would mean something else further on. */
export const objectName: Check = matching(
  /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
  'the name of an object (lower case letters, digits, "-" and ".")',
)

/** A default for what is not there. A null is there, and wrong: it must not mean "everything". */
export function omitted(value: unknown, byDefault: unknown): unknown {
  return value === undefined ? byDefault : value
}

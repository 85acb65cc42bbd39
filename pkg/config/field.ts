import { statSync, type Stats } from 'node:fs'
import { resolve } from 'node:path'

/** What a text means for one kind of setting: its value, or what is wrong with it. */
export type Reading<T> = { readonly value: T } | { readonly problem: string }

/** One setting: how its text is read and what the help says about it. */
export interface Field<T> {
  readonly help: string
  /** What stands for the value in the help, `DIR` say; empty for a switch. */
  readonly placeholder: string
  readonly required: boolean
  /** In the form in which a user would write it. */
  readonly defaultText: string | undefined
  readonly list: boolean
  /** Its value is not repeated in messages. */
  readonly secret: boolean
  /** Takes all texts that were given; several only for a list. */
  read(texts: readonly string[]): Reading<T>
  /** The value when nothing was given and there is no default. */
  readonly absent: T
}

interface Options {
  readonly help: string
  readonly placeholder?: string
  readonly required?: boolean
  readonly secret?: boolean
}

type Given<O, T> = O extends { required: true } | { default: string | number } ? T : T | undefined

type ReadOne<T> = (text: string) => Reading<T>

function one<T, O extends Options & { readonly default?: string | number }>(
  options: O,
  placeholder: string,
  read: ReadOne<T>,
): Field<Given<O, T>> {
  return {
    help: options.help,
    placeholder: options.placeholder ?? placeholder,
    required: options.required ?? false,
    defaultText: options.default === undefined ? undefined : String(options.default),
    list: false,
    secret: options.secret ?? false,
    read: ([text = '']) => read(text),
    absent: undefined as Given<O, T>,
  }
}

function readInteger(text: string, min: number, max: number): Reading<number> {
  const value = Number(text)
  const whole = /^-?\d{1,15}$/.test(text)
  if (whole && value >= min && value <= max) return { value }
  return { problem: `is not a whole number from ${min} to ${max}` }
}

function readUrl(text: string, schemes: readonly string[]): Reading<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !schemes.includes(url.protocol.slice(0, -1))) {
    return { problem: `is not an absolute URL that begins with ${schemes.join(':// or ')}://` }
  }
  if (url.username !== '' || url.password !== '') return { problem: 'must not carry credentials' }
  if (url.hash !== '') return { problem: 'must not carry a fragment' }
  return { value: text }
}

function readPath(text: string, exists: 'file' | 'folder' | undefined): Reading<string> {
  if (text === '' || text.includes('\0')) return { problem: 'is not a path' }
  const value = resolve(text)
  if (exists === undefined) return { value }
  let found: Stats | undefined
  try {
    found = statSync(value, { throwIfNoEntry: false })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    return { problem: `cannot be looked at: ${code}` }
  }
  if (found === undefined) return { problem: 'does not exist' }
  const fits = exists === 'folder' ? found.isDirectory() : !found.isDirectory()
  return fits ? { value } : { problem: `is not a ${exists}` }
}

interface StringOptions extends Options {
  readonly default?: string
  readonly oneOf?: readonly string[]
  readonly pattern?: RegExp
}

type WordOf<O> = O extends { oneOf: readonly (infer W)[] } ? W : string

interface IntegerOptions extends Options {
  readonly default?: number
  readonly min: number
  readonly max: number
}

interface UrlOptions extends Options {
  readonly default?: string
  /** Default: only https. */
  readonly schemes?: readonly string[]
}

interface PathOptions extends Options {
  readonly default?: string
  /** What must be there already. */
  readonly exists?: 'file' | 'folder'
}

/** The kinds of settings. Texts from flags, environment and file are all read by the same rules. */
export const setting = {
  /** A text that is not empty; `oneOf` bounds it to a few words, `pattern` to a form. */
  string<const O extends StringOptions>(options: O): Field<Given<O, WordOf<O>>> {
    return one(options, options.oneOf?.join('|') ?? 'TEXT', (text) => readString(text, options))
  },
  integer<const O extends IntegerOptions>(options: O): Field<Given<O, number>> {
    return one(options, 'N', (text) => readInteger(text, options.min, options.max))
  },
  /** An absolute URL without credentials and fragment, kept as it was written. */
  url<const O extends UrlOptions>(options: O): Field<Given<O, string>> {
    return one(options, 'URL', (text) => readUrl(text, options.schemes ?? ['https']))
  },
  /** Made absolute against the working directory. */
  path<const O extends PathOptions>(options: O): Field<Given<O, string>> {
    return one(options, 'PATH', (text) => readPath(text, options.exists))
  },
  /** Whatever another room's parser reads: `setting.parsed(parseAddress, 'HOST:PORT', { … })`. */
  parsed<T, const O extends Options & { readonly default?: string }>(
    parse: (text: string) => T | undefined,
    form: string,
    options: O,
  ): Field<Given<O, T>> {
    return one(options, form, (text) => {
      const value = parse(text)
      return value === undefined ? { problem: `is not of the form ${form}` } : { value }
    })
  },
  /** A switch: `--name`, `--no-name`, `true` or `false`. */
  boolean(options: { readonly help: string; readonly default?: boolean }): Field<boolean> {
    return {
      help: options.help,
      placeholder: '',
      required: false,
      defaultText: String(options.default ?? false),
      list: false,
      secret: false,
      absent: false,
      read: ([text]) =>
        text === 'true' || text === 'false'
          ? { value: text === 'true' }
          : { problem: 'is neither true nor false' },
    }
  },
  /** Repeatable, and separated by commas; each item is read by `of`. No item given: an empty list. */
  list<T>(
    of: Field<T>,
    options: { readonly required?: boolean; readonly max?: number } = {},
  ): Field<readonly NonNullable<T>[]> {
    return {
      help: of.help,
      placeholder: `${of.placeholder},…`,
      required: options.required ?? of.required,
      defaultText: of.defaultText,
      list: true,
      secret: of.secret,
      absent: [],
      read: (texts) => readList(of, texts, options.max ?? 256),
    }
  },
}

function readString<O extends StringOptions>(text: string, options: O): Reading<WordOf<O>> {
  if (text === '') return { problem: 'is empty' }
  if (options.oneOf !== undefined && !options.oneOf.includes(text)) {
    return { problem: `is none of ${options.oneOf.join(', ')}` }
  }
  if (options.pattern !== undefined && !options.pattern.test(text)) {
    return { problem: `does not match ${String(options.pattern)}` }
  }
  return { value: text as WordOf<O> }
}

function readList<T>(
  of: Field<T>,
  texts: readonly string[],
  max: number,
): Reading<readonly NonNullable<T>[]> {
  const items = texts.flatMap((text) => text.split(',')).map((text) => text.trim())
  if (items.length > max) return { problem: `has more than ${max} items` }
  const value: NonNullable<T>[] = []
  for (const [index, item] of items.entries()) {
    const reading = of.read([item])
    if ('problem' in reading) return { problem: `item ${index + 1} ${reading.problem}` }
    value.push(reading.value as NonNullable<T>)
  }
  return { value }
}

import { readFileSync } from 'node:fs'
import { exitCodes } from '../refusal/exit-codes.ts'
import type { Field } from './field.ts'
import { settingsHelp } from './help.ts'
import { flagOf, variableOf } from './names.ts'
import { nearest } from './nearest.ts'
import { printable } from './printable.ts'
import { parseYaml } from './yaml.ts'

export { setting } from './field.ts'

/**
 * The settings of one program. A process exports it as `definition` from `cmd/<program>/settings.ts`,
 * where `make generate` finds it for docs/reference/settings.md, and reads it in its main.ts:
 * `const settings = settingsOrExit(definition, process)`.
 */
export interface Definition<F extends Fields> {
  /** The program's name, as a user types it. */
  readonly program: string
  /** One sentence: what it does. */
  readonly summary: string
  readonly fields: F
}

export type Fields = Readonly<Record<string, Field<unknown>>>

export type Settings<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never
}

/** Reading stopped: `--help` (exit code 0, the help) or wrong settings (64, one line for each). */
export class SettingsStop extends Error {
  readonly exitCode: number

  constructor(exitCode: number, text: string) {
    super(text)
    this.name = 'SettingsStop'
    this.exitCode = exitCode
  }
}

interface Sources {
  /** Without the runtime and the script: `process.argv.slice(2)`. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Where a value came from, as a message names it, and its texts. */
interface Given {
  readonly origin: string
  readonly texts: string[]
}

type GivenByName = Map<string, Given>

/**
 * Reads settings from flags, over environment, over the optional file of `--config`. For the field
 * `discoveryAddress` the flag is `--discovery-address`, the variable `TOKENWARD_DISCOVERY_ADDRESS` (an
 * empty one counts as not set) and the key in the file `discoveryAddress`. Gives a deeply frozen
 * object; throws `SettingsStop` with all problems at once. Variables that no field names are left
 * alone: Kubernetes sets some for every Service.
 */
export function readSettings<F extends Fields>(
  definition: Definition<F>,
  { argv, env }: Sources,
): Settings<F> {
  if (argv.includes('--help') || argv.includes('-h')) {
    throw new SettingsStop(0, settingsHelp(definition))
  }
  const problems: string[] = []
  const names = Object.keys(definition.fields)
  const flags = readFlags(definition.fields, argv, problems)
  const variables = new Map<string, Given>()
  for (const name of [...names, 'config']) {
    const text = env[variableOf(name)]
    if (text !== undefined && text !== '') {
      variables.set(name, { origin: variableOf(name), texts: [text] })
    }
  }
  const path = (flags.get('config') ?? variables.get('config'))?.texts[0]
  const file = path === undefined ? new Map<string, Given>() : readFile(names, path, problems)

  const settings: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(definition.fields)) {
    const given = flags.get(name) ?? variables.get(name) ?? file.get(name)
    settings[name] = valueOf(name, field, given, problems)
  }
  if (problems.length > 0) {
    const lines = problems.map((problem) => printable(`${definition.program}: ${problem}`))
    throw new SettingsStop(exitCodes.usage, lines.join('\n'))
  }
  return freeze(settings) as Settings<F>
}

interface Terminal extends Sources {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  exit(code: number): never
}

/** As `readSettings` for a process: prints help or problems and exits where reading stops. */
export function settingsOrExit<F extends Fields>(
  definition: Definition<F>,
  terminal: Terminal,
): Settings<F> {
  try {
    return readSettings(definition, { argv: terminal.argv.slice(2), env: terminal.env })
  } catch (error) {
    if (!(error instanceof SettingsStop)) throw error
    const stream = error.exitCode === 0 ? terminal.stdout : terminal.stderr
    stream.write(`${error.message}\n`)
    return terminal.exit(error.exitCode)
  }
}

function valueOf(
  name: string,
  field: Field<unknown>,
  given: Given | undefined,
  problems: string[],
): unknown {
  if (given === undefined && field.required) {
    problems.push(`--${flagOf(name)} (${variableOf(name)}) is required: ${field.help}`)
    return undefined
  }
  const texts = given?.texts ?? (field.defaultText === undefined ? undefined : [field.defaultText])
  if (texts === undefined) return field.absent
  const reading = field.read(texts)
  if ('value' in reading) return reading.value
  // A URL with credentials in it is a secret, whatever the field says.
  const shown = field.secret || texts.some((text) => text.includes('@')) ? '' : shorten(texts)
  const origin = given?.origin ?? 'its default'
  problems.push(
    `--${flagOf(name)} (${variableOf(name)})${shown} ${reading.problem} [from ${origin}]`,
  )
  return undefined
}

function shorten(texts: readonly string[]): string {
  const text = JSON.stringify(texts.join(','))
  return ` ${text.length > 80 ? `${text.slice(0, 76)}…"` : text}`
}

function readFlags(fields: Fields, argv: readonly string[], problems: string[]): GivenByName {
  const given: GivenByName = new Map()
  const byFlag = new Map([...Object.keys(fields), 'config'].map((name) => [flagOf(name), name]))
  for (let index = 0; index < argv.length; index += 1) {
    const match = /^--([^=]+)(?:=(.*))?$/s.exec(argv[index] ?? '')
    if (match === null) {
      problems.push(`argument ${index + 1} is not a flag: every setting is given as --name VALUE`)
      continue
    }
    const [, flag = '', inline] = match
    const negated = flag.startsWith('no-') ? byFlag.get(flag.slice(3)) : undefined
    const name = byFlag.get(flag) ?? negated
    const isSwitch = name !== undefined && fields[name]?.placeholder === ''
    if (name === undefined || (negated === name && !isSwitch)) {
      problems.push(
        unknown(
          'flag',
          `--${flag}`,
          [...byFlag.keys()].map((known) => `--${known}`),
        ),
      )
      // Its value, if it has one, is not another mistake.
      if (inline === undefined && argv[index + 1]?.startsWith('--') === false) index += 1
      continue
    }
    let text = inline
    if (isSwitch) text ??= name === byFlag.get(flag) ? 'true' : 'false'
    else if (text === undefined) text = argv[(index += 1)]
    if (text === undefined) problems.push(`--${flag} lacks its value`)
    else addFlag(given, { name, text, list: fields[name]?.list ?? false }, problems)
  }
  return given
}

function addFlag(
  given: GivenByName,
  { name, text, list }: { name: string; text: string; list: boolean },
  problems: string[],
): void {
  const before = given.get(name)
  if (before === undefined) given.set(name, { origin: 'the flag', texts: [text] })
  else if (list) before.texts.push(text)
  else problems.push(`--${flagOf(name)} is given twice`)
}

function readFile(names: readonly string[], path: string, problems: string[]): GivenByName {
  const given: GivenByName = new Map()
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    problems.push(`--config (${variableOf('config')}) "${path}" cannot be read: ${code}`)
    return given
  }
  const yaml = parseYaml(text)
  for (const { line, column, message } of yaml.problems) {
    problems.push(`${path}:${line}:${column}: ${message}`)
  }
  const [document, second] = yaml.documents
  if (document === undefined) return given
  const { value } = document
  if (second !== undefined || typeof value !== 'object' || value === null || Array.isArray(value)) {
    problems.push(`${path}:1:1: is not one map of settings`)
    return given
  }
  for (const [name, entry] of Object.entries(value) as [string, unknown][]) {
    const { line, column } = document.locate([name])
    const origin = `${path}:${line}:${column}`
    const texts = Array.isArray(entry) ? entry.map(scalarText) : [scalarText(entry)]
    if (!names.includes(name)) problems.push(`${origin}: ${unknown('setting', name, names)}`)
    else if (texts.includes(undefined)) problems.push(`${origin}: ${name} is not a plain value`)
    else if (texts.length > 0) given.set(name, { origin, texts: texts as string[] })
  }
  return given
}

function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function unknown(what: string, name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  const hint = near === undefined ? 'see --help' : `did you mean ${near}?`
  return `unknown ${what} ${name.slice(0, 64)}: ${hint}`
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const inner of Object.values(value)) freeze(inner)
  return Object.freeze(value)
}

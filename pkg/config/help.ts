import type { Field } from './field.ts'
import { flagOf, variableOf } from './names.ts'

interface Described {
  readonly program: string
  readonly summary: string
  readonly fields: Readonly<Record<string, Field<unknown>>>
}

/** The text of `--help`: usage, then every setting with its variable and default. */
export function settingsHelp({ program, summary, fields }: Described): string {
  const required = Object.entries(fields).filter(([, field]) => field.required)
  const usage = required.map(([name, field]) => `--${flagOf(name)} ${field.placeholder}`)
  const blocks = Object.entries(fields).map(([name, field]) =>
    describe(name, field.placeholder, `${field.help} ${note(field)}`.trim()),
  )
  return [
    summary,
    '',
    `Usage: ${[program, ...usage].join(' ')} [settings]`,
    '',
    'Settings (flag over environment over the file of --config):',
    ...blocks,
    describe('config', 'FILE', 'YAML file with settings under their camelCase names.'),
    '  --help\n      Show this.',
    '',
    'A wrong setting ends the process with exit code 64.',
  ].join('\n')
}

function describe(name: string, placeholder: string, text: string): string {
  return `  ${`--${flagOf(name)} ${placeholder}`.trim()}  (${variableOf(name)})\n      ${text}`
}

function note(field: Field<unknown>): string {
  const parts = [
    ...(field.required ? ['Required.'] : []),
    ...(field.list ? ['Repeatable, or separated by commas.'] : []),
    ...(field.defaultText === undefined || field.placeholder === ''
      ? []
      : [`Default: ${field.defaultText}.`]),
  ]
  return parts.join(' ')
}

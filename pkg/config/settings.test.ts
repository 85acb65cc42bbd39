import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readSettings, setting, settingsOrExit, SettingsStop } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'tokenward-settings-'))
afterAll(() => rmSync(folder, { recursive: true }))

const definition = {
  program: 'tokenward-test',
  summary: 'Tests settings.',
  fields: {
    folder: setting.path({ help: 'Folder of resources.', required: true }),
    controllers: setting.list(setting.url({ help: 'Controllers to ask.' }), { max: 3 }),
    logLevel: setting.string({ help: 'How much.', oneOf: ['debug', 'info'], default: 'info' }),
    maxAgeSeconds: setting.integer({ help: 'Age.', min: 1, max: 3600, default: 60 }),
    ratio: setting.parsed((text) => (text === '1:2' ? { a: 1, b: 2 } : undefined), 'A:B', {
      help: 'Ratio.',
    }),
    trustDomain: setting.string({ help: 'Trust domain.', pattern: /^[a-z.]+$/ }),
    stateFolder: setting.path({ help: 'State.', exists: 'folder' }),
    password: setting.integer({ help: 'A secret number.', min: 0, max: 9, secret: true }),
    allowPrivateIssuers: setting.boolean({ help: 'Allow.' }),
  },
}

const read = (argv: readonly string[], env: Record<string, string> = {}) =>
  readSettings(definition, { argv, env })

function stopOf(argv: readonly string[], env: Record<string, string> = {}): SettingsStop {
  try {
    read(argv, env)
  } catch (error) {
    if (error instanceof SettingsStop) return error
    throw error
  }
  throw new Error('the settings were accepted')
}

function fileOf(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('sources', () => {
  const config = fileOf(
    'config.yaml',
    'folder: /from-file\nlogLevel: debug\nmaxAgeSeconds: 3\ncontrollers: [https://f]\n',
  )

  test('a flag beats the environment, which beats the file, which beats the default', () => {
    const env = { TOKENWARD_FOLDER: '/from-env', TOKENWARD_MAX_AGE_SECONDS: '2' }
    const settings = read(['--folder', '/from-flag', '--config', config], env)
    expect(settings.folder).toBe('/from-flag')
    expect(settings.maxAgeSeconds).toBe(2)
    expect(settings.logLevel).toBe('debug')
    expect(settings.controllers).toEqual(['https://f'])
    expect(settings.trustDomain).toBeUndefined()
  })

  test('the file may be named by the environment', () => {
    expect(read([], { TOKENWARD_CONFIG: config }).folder).toBe('/from-file')
  })

  test('a list is repeated, or separated by commas, and replaces the list of a weaker source', () => {
    const flags = [
      '--folder=/f',
      '--controllers',
      'https://a, https://b',
      '--controllers=https://c',
    ]
    expect(read([...flags, '--config', config]).controllers).toEqual([
      'https://a',
      'https://b',
      'https://c',
    ])
  })

  test('a switch is on by its name, off by no-, and takes a word after =', () => {
    expect(read(['--folder=/f']).allowPrivateIssuers).toBe(false)
    expect(read(['--folder=/f', '--allow-private-issuers']).allowPrivateIssuers).toBe(true)
    expect(read(['--folder=/f', '--allow-private-issuers=false']).allowPrivateIssuers).toBe(false)
    const env = { TOKENWARD_ALLOW_PRIVATE_ISSUERS: 'true' }
    expect(read(['--folder=/f', '--no-allow-private-issuers'], env).allowPrivateIssuers).toBe(false)
  })

  test('variables that Kubernetes sets for Services, and empty ones, are left alone', () => {
    const env = { TOKENWARD_CONTROLLER_SERVICE_HOST: '10.0.0.1', TOKENWARD_LOG_LEVEL: '' }
    expect(read(['--folder=/f'], env).logLevel).toBe('info')
  })

  test('the result is frozen to its depth', () => {
    const settings = read(['--folder=/f', '--ratio=1:2', '--controllers=https://a'])
    expect(Object.isFrozen(settings)).toBe(true)
    expect(Object.isFrozen(settings.ratio)).toBe(true)
    expect(Object.isFrozen(settings.controllers)).toBe(true)
  })
})

describe('wrong settings stop with exit code 64 and a line that names them', () => {
  test.each([
    ['a required one is missing', [], '--folder (TOKENWARD_FOLDER) is required'],
    ['an unknown flag', ['--floder=/x'], 'unknown flag --floder: did you mean --folder?'],
    ['a flag that would write on the terminal', ['--a\x1b[2J\nb=1'], '--a\\u{1b}[2J\\u{a}b'],
    ['a flag far from any', ['--zzzzzzzz'], 'unknown flag --zzzzzzzz: see --help'],
    ['no- before what is no switch', ['--no-folder'], 'unknown flag --no-folder'],
    ['a bare value', ['zz'], 'argument 1 is not a flag'],
    ['no value', ['--folder'], '--folder lacks its value'],
    ['a flag twice', ['--folder=/a', '--folder=/b'], '--folder is given twice'],
    ['no such word', ['--log-level=trace'], '"trace" is none of debug, info [from the flag]'],
    ['not a number', ['--max-age-seconds=1e3'], '"1e3" is not a whole number from 1 to 3600'],
    ['out of bounds', ['--max-age-seconds', '-5'], '"-5" is not a whole number from 1 to 3600'],
    ['a relative URL', ['--controllers=https://a,/b'], 'item 2 is not an absolute URL'],
    ['another scheme', ['--controllers=http://a'], 'item 1 is not an absolute URL that begins'],
    ['a fragment', ['--controllers=https://a#b'], 'item 1 must not carry a fragment'],
    ['too many', ['--controllers=https://a,https://b,https://c,https://d'], 'has more than 3'],
    ['another form', ['--ratio=2'], '"2" is not of the form A:B'],
    ['an empty text', ['--trust-domain='], '"" is empty'],
    ['a text off its pattern', ['--trust-domain=A'], '"A" does not match'],
    ['a folder that is not there', ['--state-folder=/no/such'], '"/no/such" does not exist'],
    ['a switch with another word', ['--allow-private-issuers=yes'], 'is neither true nor false'],
    ['a file that is not there', ['--config=/no/such'], '"/no/such" cannot be read: ENOENT'],
  ])('%s', (_, argv, line) => {
    const stop = stopOf(argv)
    expect(stop.exitCode).toBe(64)
    expect(stop.message).toContain(line)
  })

  test.each([
    ['an unknown key', 'floder: /x\n', ':1:1: unknown setting floder: did you mean folder?'],
    ['a map for a value', 'folder: { a: 1 }\n', ':1:1: folder is not a plain value'],
    ['a key twice', 'folder: /a\nfolder: /b\n', ':2:1: repeats a key of the same map'],
    ['no map', '- a\n', ':1:1: is not one map of settings'],
    ['two documents', 'folder: /a\n---\nfolder: /b\n', ':1:1: is not one map of settings'],
    ['a wrong value', 'folder: /a\n\nmaxAgeSeconds: no\n', 'wrong.yaml:3:1]'],
  ])('in the file: %s', (_, text, line) => {
    expect(stopOf(['--config', fileOf('wrong.yaml', text)]).message).toContain(line)
  })

  test('all problems are told at once, one line each', () => {
    const lines = stopOf(['--log-level=x', '--max-age-seconds=0', '--unknown-flag']).message
    expect(lines.split('\n')).toHaveLength(4)
  })

  test.each([
    ['a secret', ['--folder=/f', '--password=123456']],
    ['a URL with credentials', ['--folder=/f', '--controllers=https://u:123456@host']],
    ['a bare argument', ['--folder=/f', '123456']],
    ['the value of an unknown flag', ['--folder=/f', '--passwrod=123456']],
  ])('the message does not repeat %s', (_, argv) => {
    expect(stopOf(argv).message).not.toContain('123456')
  })
})

test('--help lists every setting with its variable, default and need, and exits with 0', () => {
  const stop = stopOf(['--help', '--nonsense'])
  expect(stop.exitCode).toBe(0)
  expect(stop.message).toContain('Usage: tokenward-test --folder PATH [settings]')
  expect(stop.message).toContain('--log-level debug|info  (TOKENWARD_LOG_LEVEL)')
  expect(stop.message).toContain('Default: 60.')
  expect(stop.message).toContain('--allow-private-issuers  (')
})

test('a process gets help on stdout and problems on stderr', () => {
  const run = (argv: string[]) => {
    const said: string[] = []
    const exit = (code: number): never => {
      throw new Error(`exit ${code}`)
    }
    const terminal = {
      argv: ['node', 'main.ts', ...argv],
      env: {},
      stdout: { write: (text: string) => said.push(`out ${text}`) },
      stderr: { write: (text: string) => said.push(`err ${text}`) },
      exit,
    }
    expect(() => settingsOrExit(definition, terminal)).toThrow(/^exit/)
    return said.join('')
  }
  expect(run(['--help'])).toMatch(/^out Tests settings/)
  expect(run(['--x'])).toMatch(/^err tokenward-test: /)
})

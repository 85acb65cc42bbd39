import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runProgram } from './program.ts'

interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

async function run(...argv: string[]): Promise<Ran> {
  const collected = { out: '', error: '' }
  const stream = (name: 'out' | 'error') =>
    new Writable({
      write(chunk, _encoding, done) {
        collected[name] += String(chunk)
        done()
      },
    })
  const terminal = { out: stream('out'), error: stream('error') }
  const host = { version: '1.2.3', env: {}, program: () => ['false'], onSignal: () => undefined }
  const code = await runProgram(argv, terminal, host)
  return { code, ...collected }
}

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-cli-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const shop = 'examples/shop'
const policy = readFileSync(join(shop, 'payments.yaml'), 'utf8')

describe('usage', () => {
  test('the version is shown, and ends with 0', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, out: '1.2.3\n' })
  })

  test('help lists the commands and ends with 0', async () => {
    const { code, out } = await run('--help')
    expect(code).toBe(0)
    for (const name of ['local', 'validate', 'explain', 'token']) {
      expect(out).toMatch(new RegExp(`^  ${name} .*\\S`, 'm'))
    }
  })

  test.each(['local', 'validate', 'explain', 'token'])(
    'the help of %s says how it ends',
    async (name) => {
      const { code, out } = await run(name, '--help')
      expect(code).toBe(0)
      expect(out).toMatch(/Exit codes: 0 /)
      expect(out).toMatch(/-o, --output <format>/)
    },
  )

  test.each([
    ['an unknown command', ['valdate'], /unknown command 'valdate'[\s\S]*Did you mean validate\?/],
    ['an unknown option', ['validate', 'x', '--ouput', 'json'], /unknown option '--ouput'/],
    ['a missing argument', ['validate'], /missing required argument 'folder'/],
    ['a wrong format', ['validate', 'x', '-o', 'xml'], /Allowed choices are table, json, yaml/],
    [
      'a name without a namespace',
      ['explain', '--from', 'web', '--to', 'shop/orders', 'GET', '/'],
      /'web' is invalid. It is written namespace\/name/,
    ],
    [
      'a subject without an issuer',
      ['explain', '--from', 'a/b', '--to', 'c/d', '--subject', 'alice', 'GET', '/'],
      /It is written issuer:user/,
    ],
    ['a token of nobody', ['token', '--user', 'alice', '--as', 'shop/web'], /cannot be used with/],
  ])('%s is named and ends with 64', async (_name, argv, message) => {
    const { code, error, out } = await run(...argv)
    expect(code).toBe(64)
    expect(error).toMatch(message)
    expect(out).toBe('')
  })
})

describe('validate', () => {
  test('a folder without problems ends with 0', async () => {
    const { code, out } = await run('validate', shop)
    expect(out).toBe('6 files, 5 resources: no problems\n')
    expect(code).toBe(0)
  })

  test('every problem of every file is told with its place, and it ends with 1', async () => {
    const folder = folderOf({
      'a.yaml': policy.replace('delegation:', 'delegaton:').replace('[POST]', '[post]'),
      'deep/b.yaml': 'kind: AccessPolicy\n',
      'local.yaml': 'workloads:\n- { name: x, app: { address: "127.0.0.1:1" }, lables: {} }\n',
    })
    const { code, out } = await run('validate', folder)
    expect(code).toBe(1)
    expect(out).toMatch(/a\.yaml:13:7: spec\.rules\[0\]\.delegaton .*did you mean delegation\?/)
    expect(out).toMatch(/a\.yaml:16:\d+: spec\.rules\[0\]\.operations\[0\]\.methods\[0\] /)
    expect(out).toMatch(/deep\/b\.yaml:1:1: apiVersion must be/)
    expect(out).toMatch(/local\.yaml:2:47: unknown field "lables"; did you mean "labels"\?/)
    expect(out).toMatch(/3 files, 0 resources: \d+ problems\n$/)
  })

  test('what only the resources together show is told too: a Service that is not there', async () => {
    const local = 'workloads:\n- { name: x, app: { address: "127.0.0.1:1" } }\n'
    const orders = readFileSync(join(shop, 'orders.yaml'), 'utf8')
    const folder = folderOf({ 'a.yaml': orders, 'local.yaml': local })
    const { code, out } = await run('validate', folder)
    expect(code).toBe(1)
    expect(out).toMatch(/a\.yaml:\d+:\d+: .*orders/)
    // Without any Service in the folder a cluster has them, and nobody can tell here.
    rmSync(join(folder, 'local.yaml'))
    expect((await run('validate', folder)).code).toBe(0)
  })

  test('for programs the same is JSON or YAML', async () => {
    const folder = folderOf({ 'a.yaml': policy.replace('delegation:', 'delegaton:') })
    const { out } = await run('validate', folder, '-o', 'json')
    expect(JSON.parse(out)).toMatchObject({
      problems: [{ line: 13, column: 7, path: 'spec.rules[0].delegaton', nearest: 'delegation' }],
    })
    expect((await run('validate', folder, '-o', 'yaml')).out).toMatch(/^problems:$/m)
  })

  test('a folder that is not there ends with 66', async () => {
    const { code, error } = await run('validate', '/no/such/folder')
    expect(code).toBe(66)
    expect(error).toBe(
      'tokenward: /no/such/folder is not a folder: name the one with the resources\n',
    )
  })
})

describe('explain', () => {
  const ask = (...rest: string[]) =>
    run('explain', '-f', shop, '--from', 'shop/orders', '--to', 'shop/payments', ...rest)

  test('an allowed call names the rule, the token and the line', async () => {
    const { code, out } = await ask('--subject', 'corp:alice', 'POST', '/charges')
    expect(code).toBe(0)
    expect(out).toMatch(/^shop\/payments:80 {2}allowed by shop\/payments rule orders-charges$/m)
    expect(out).toMatch(/token: subject corp:alice, .*scope "charges:write"/)
    expect(out).toMatch(/payments\.yaml:9:\d+$/m)
  })

  test('the same without a user is refused, and it ends with 1', async () => {
    const { code, out } = await ask('POST', '/charges')
    expect(code).toBe(1)
    expect(out).toMatch(/refused by the caller's sidecar: delegation_required/)
  })

  test('an operation that no rule has is refused with what differs', async () => {
    const { code, out } = await ask('--subject', 'corp:alice', 'DELETE', '/charges')
    expect(code).toBe(1)
    expect(out).toMatch(/operation: another method {2}.*payments\.yaml:16:\d+/)
  })

  test('a caller that no rule names is told so', async () => {
    const { code, out } = await run(
      ...['explain', '-f', shop, '--from', 'shop/reports', '--to', 'shop/payments'],
      ...['POST', '/charges'],
    )
    expect(code).toBe(1)
    expect(out).toMatch(/rule shop\/payments orders-charges: does not name the caller {2}/)
  })

  test('a Service that no policy targets is refused', async () => {
    const { code, out } = await run(
      ...['explain', '-f', shop, '--from', 'shop/web', '--to', 'shop/nothing', 'GET', '/'],
    )
    expect(code).toBe(1)
    expect(out).toMatch(/^refused$/m)
    expect(out).toMatch(/note: no accepted AccessPolicy targets it/)
  })

  test('for programs every rule has its line', async () => {
    const { out } = await ask('--subject', 'corp:alice', 'POST', '/charges', '-o', 'json')
    expect(JSON.parse(out)).toMatchObject({
      allowed: true,
      ports: [{ rules: [{ rule: 'orders-charges', line: 'examples/shop/payments.yaml:9:7' }] }],
    })
  })
})

describe('token and local say what is missing', () => {
  test('no state folder ends with 66', async () => {
    const { code, error } = await run('token', '--user', 'alice', '--state', '/no/such/state')
    expect(code).toBe(66)
    expect(error).toMatch(/\/no\/such\/state is no state folder: run `tokenward local FOLDER`/)
  })

  test('no local.yaml ends with 66, with problems in it with 65', async () => {
    const folder = folderOf({ 'a.yaml': policy })
    const state = join(folder, 'state')
    const none = await run('local', folder, '--state', state)
    expect([none.code, none.error]).toEqual([66, expect.stringMatching(/local\.yaml is not there/)])
    writeFileSync(join(folder, 'local.yaml'), 'workloads: []\n')
    const empty = await run('local', folder, '--state', state)
    expect([empty.code, empty.error]).toEqual([
      65,
      expect.stringMatching(/local\.yaml:1:1: must be a list of 1 to 64 items/),
    ])
  })
})

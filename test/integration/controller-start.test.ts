import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { expect, test } from 'vitest'
import { issueRoot, issueServing } from '../../pkg/pki/issue.ts'
import { makeStateFolder, type StateFolder } from '../support/state-folder.ts'

const main = path.resolve(import.meta.dirname, '../../cmd/controller/main.ts')

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the real program; `onServing` is called once it says that it serves. */
function runProgram(
  state: StateFolder,
  change: Readonly<Record<string, string>> = {},
  onServing?: (kill: (signal: NodeJS.Signals) => void) => void,
): Promise<Ended> {
  const flags = {
    folder: state.folder,
    'state-folder': state.stateFolder,
    'discovery-address': '127.0.0.1:0',
    'admin-address': '127.0.0.1:0',
    'authority-issuer': 'https://127.0.0.1:9999',
    'trust-domain': 'local.tokenward.dev',
    ...change,
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const child = spawn(process.execPath, [main, ...args], { env: {} })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
    if (!stdout.includes('the controller serves')) return
    onServing?.((signal) => child.kill(signal))
    onServing = undefined
  })
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** What is wrong, and what must be said about it. */
type Row = readonly [
  what: string,
  prepare: (state: StateFolder) => Record<string, string>,
  code: number,
  says: RegExp,
]

const inState = (state: StateFolder, name: string): string => path.join(state.stateFolder, name)
const rows: Row[] = [
  ['a missing folder', () => ({ folder: '/nowhere/at/all' }), 64, /--folder .*does not exist/],
  ['a wrong address', () => ({ 'admin-address': '80' }), 64, /--admin-address .*HOST:PORT/],
  ['an unknown flag', () => ({ 'trust-domian': 'x' }), 64, /--trust-domian.*--trust-domain/],
  [
    'a missing certificate',
    (state) => {
      rmSync(inState(state, 'pki/controller.crt'))
      return {}
    },
    66,
    /pki\/controller\.crt cannot be read \(ENOENT\)/,
  ],
  [
    'a key that belongs to another certificate',
    (state) => {
      writeFileSync(inState(state, 'pki/controller.key'), issueRoot().privateKey)
      return {}
    },
    65,
    /controller\.crt cannot serve: the private key does not belong to the certificate/,
  ],
  [
    'an expired certificate',
    (state) => {
      const names = { dnsNames: [], ipAddresses: ['127.0.0.1'] }
      const serving = issueServing({ root: issueRoot(), ...names, now: new Date(0), days: 1 })
      writeFileSync(inState(state, 'pki/controller.crt'), serving.certificate)
      writeFileSync(inState(state, 'pki/controller.key'), serving.privateKey)
      return {}
    },
    65,
    /the certificate ended at 1970-01-02/,
  ],
  [
    'a missing root',
    (state) => {
      rmSync(inState(state, 'pki/root.crt'))
      return {}
    },
    66,
    /no resources can be read: .*root\.crt cannot be read/,
  ],
  [
    'missing objects',
    (state) => {
      rmSync(inState(state, 'objects'), { recursive: true })
      return {}
    },
    66,
    /state\/objects does not exist/,
  ],
  [
    'a state folder that cannot be written',
    (state) => {
      mkdirSync(inState(state, 'versions.json.tmp'))
      return {}
    },
    73,
    /the state folder .* cannot be written \(EISDIR\); free space or choose another/,
  ],
  [
    'damaged signing keys',
    (state) => {
      mkdirSync(inState(state, 'keys'))
      writeFileSync(
        inState(state, 'keys/signing.json'),
        '{"keys":[{"state":"active","jwk":{"d":"secret"',
      )
      return {}
    },
    65,
    /keys\/signing\.json are damaged/,
  ],
]

test.each(rows)('%s ends the start with one clear line', async (_what, prepare, code, says) => {
  using state = makeStateFolder(['orders'])
  const ended = await runProgram(state, prepare(state))
  expect(ended).toMatchObject({ code, stdout: expect.not.stringContaining('serves') as string })
  expect(ended.stderr).toMatch(says)
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1)
  expect(ended.stderr).not.toContain('secret')
})

test('damaged signing keys are left as they are', async () => {
  using state = makeStateFolder(['orders'])
  mkdirSync(inState(state, 'keys'))
  writeFileSync(inState(state, 'keys/signing.json'), '{}')
  await runProgram(state)
  expect(readFileSync(inState(state, 'keys/signing.json'), 'utf8')).toBe('{}')
})

test.each([
  ['discovery-address', 'the discovery port (--discovery-address)'],
  ['admin-address', 'the admin port (--admin-address)'],
])('a port in use for --%s is named', async (flag, what) => {
  using state = makeStateFolder(['orders'])
  const taken = net.createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as net.AddressInfo
  const ended = await runProgram(state, { [flag]: `127.0.0.1:${port}` })
  taken.close()
  expect(ended.code).toBe(69)
  expect(ended.stderr).toBe(
    `controller: ${what} cannot listen: 127.0.0.1:${port} is in use by another process; stop it or choose another port\n`,
  )
})

test.each(['SIGTERM', 'SIGINT'] as const)('%s stops it cleanly', async (signal) => {
  using state = makeStateFolder(['orders'])
  const ended = await runProgram(state, {}, (kill) => kill(signal))
  expect(ended).toMatchObject({ code: 0, stderr: '' })
})

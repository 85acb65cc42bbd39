import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import net from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  endPrograms,
  launch,
  makePlace,
  type Flags,
  type Place,
  type ProgramName,
} from '../support/programs.ts'

let place: Place
let taken: net.Server
beforeAll(async () => {
  place = makePlace()
  place.write('garbage', Buffer.from([0, 1, 2, 255, 254, 10, 13, 3]))
  place.write('empty', '')
  symlinkSync(place.at('loop'), place.at('loop'))
  taken = net.createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
})
afterEach(endPrograms)
afterAll(() => {
  taken.close()
  place[Symbol.dispose]()
})

/** The flag, what it is given, the exit code, and what the one line says besides the flag or file. */
type Row = readonly [flag: string, given: string | undefined, code: number, says: RegExp]

/** A name of a file in the place, `busy` for an address that is in use, or the value itself. */
function valueOf(given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  if (given === 'busy') return `127.0.0.1:${(taken.address() as net.AddressInfo).port}`
  return ['garbage', 'empty', 'loop', 'missing'].includes(given) ? place.at(given) : given
}

/** So many at a time: all at once would have each start take many times as long. */
async function inTurns<T>(
  rows: readonly T[],
  atOnce: number,
  judge: (row: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < rows.length; at += atOnce) {
    await Promise.all(rows.slice(at, at + atOnce).map(judge))
  }
}

async function judge(program: ProgramName, rows: readonly Row[]): Promise<void> {
  // Controllers of one state folder run one after the other.
  await inTurns(rows, program === 'controller' ? 1 : 4, async ([flag, given, code, says]) => {
    const value = valueOf(given)
    const suffix = flag === 'inbound' && given === 'busy' ? '=127.0.0.1:9' : ''
    const route = flag === 'route-ports' && given === 'busy' ? '=shop/payments:http' : ''
    const change: Flags = { [flag]: value === undefined ? undefined : value + suffix + route }
    const { ended, stderr, stdout } = launch(program, place.flags(program, change))
    const what = `${program} --${flag} ${given ?? 'left out'}`
    expect([what, await ended, stderr().trimEnd().split('\n').length], stderr()).toEqual([
      what,
      code,
      1,
    ])
    expect(stderr(), what).toMatch(says)
    expect(stderr(), what).toContain(`${program}: `)
    expect(stdout(), what).not.toMatch(/serves|is open/)
  })
}

describe.each<readonly [ProgramName, readonly Row[]]>([
  [
    'controller',
    [
      ['foldr', 'x', 64, /unknown flag --foldr: did you mean --folder\?/],
      ['folder', undefined, 64, /--folder is required with --source folder/],
      ['folder', 'loop', 64, /--folder .* cannot be looked at: ELOOP/],
      ['folder', 'empty', 64, /--folder .* is not a folder/],
      ['folder', 'a'.repeat(5000), 64, /--folder .* cannot be looked at: ENAMETOOLONG/],
      ['state-folder', 'missing', 64, /--state-folder .* does not exist/],
      ['log-level', 'loud', 64, /--log-level .* none of debug, info, warn, error, silent/],
      ['authority-issuer', 'http://x', 64, /--authority-issuer .* begins with https:/],
      ['config', 'missing', 64, /--config .*missing" cannot be read: ENOENT/],
      ['discovery-address', 'busy', 69, /\(--discovery-address\) cannot listen: .* in use/],
      ['admin-address', 'busy', 69, /\(--admin-address\) cannot listen: .* in use/],
    ],
  ],
  [
    'authority',
    [
      ['ca-fiel', 'x', 64, /unknown flag --ca-fiel: did you mean --ca-file\?/],
      ['ca-file', 'missing', 64, /--ca-file .* does not exist/],
      ['ca-file', 'garbage', 65, /the roots .*garbage is no PEM certificate/],
      // An empty bundle would let the system's own roots count.
      ['ca-file', 'empty', 65, /the roots .*empty is no PEM certificate/],
      ['discovery-token-file', 'missing', 64, /--discovery-token-file .* does not exist/],
      ['discovery-token-file', 'garbage', 65, /the token file .*garbage holds no token/],
      ['discovery-token-file', 'empty', 65, /the token file .*empty holds no token/],
      ['signing-key-file', undefined, 64, /--signing-key-file .* is required/],
      ['certificate-file', 'loop', 64, /--certificate-file .* cannot be looked at: ELOOP/],
      ['certificate-file', 'garbage', 65, /garbage cannot serve: the certificate is no PEM/],
      ['private-key-file', 'empty', 65, /cannot serve: the private key is no PEM key/],
      ['state-folder', 'missing', 64, /--state-folder .* does not exist/],
      ['issuer', 'nonsense', 64, /--issuer .* is not an absolute URL/],
      ['allow-private-issuers', 'maybe', 64, /--allow-private-issuers .* neither true nor false/],
      ['listen-address', 'busy', 69, /\(--listen-address\) cannot listen: .* in use/],
      ['admin-address', 'busy', 69, /\(--admin-address\) cannot listen: .* in use/],
    ],
  ],
  [
    'sidecar',
    [
      ['inbond', 'x', 64, /unknown flag --inbond: did you mean --inbound\?/],
      ['inbound', '8080', 64, /--inbound .* HOST:PORT=HOST:PORT/],
      ['controllers', undefined, 64, /--controllers .* is required/],
      ['ca-file', 'garbage', 65, /the roots .*garbage is no PEM certificate/],
      ['ca-file', 'empty', 65, /the roots .*empty is no PEM certificate/],
      ['ca-file', 'loop', 64, /--ca-file .* cannot be looked at: ELOOP/],
      ['discovery-token-file', 'empty', 65, /the token file .*empty holds no token/],
      ['authority-token-file', 'garbage', 65, /the token file .*garbage holds no token/],
      ['authority-token-file', 'missing', 64, /--authority-token-file .* does not exist/],
      ['state-folder', 'garbage', 64, /--state-folder .* is not a folder/],
      ['inbound', 'busy', 69, /\(--inbound\) cannot listen: .* in use/],
      ['outbound-address', 'busy', 69, /\(--outbound-address\) cannot listen: .* in use/],
      ['route-ports', 'busy', 69, /\(--route-ports\) cannot listen: .* in use/],
      ['admin-address', 'busy', 69, /\(--admin-address\) cannot listen: .* in use/],
    ],
  ],
])('%s', (program, rows) => {
  test('ends a start that cannot succeed with one clear line and the documented code', async () => {
    await judge(program, rows)
  })
})

test('what starts is not refused: the twin of the rows above', async () => {
  const programs = ['controller', 'authority', 'sidecar'] as const
  await Promise.all(
    programs.map(async (program) => {
      const { child, ended, stdout, stderr } = launch(program, place.flags(program))
      await expect.poll(stdout, { timeout: 10_000 }).toMatch(/serves|is open/)
      child.kill('SIGTERM')
      expect([program, await ended, stderr()]).toEqual([program, 0, ''])
    }),
  )
})

test('a state folder that may not be written is named, whatever process keeps something there', async () => {
  mkdirSync(place.at('others'), { mode: 0o500 })
  // Root may write anywhere: be somebody else then.
  const somebody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  chmodSync(place.folder, 0o755)
  for (const name of readdirSync(place.folder)) {
    if (name !== 'loop' && name !== 'others') chmodSync(place.at(name), 0o755)
  }
  for (const program of ['authority', 'sidecar'] as const) {
    const flags = place.flags(program, { 'state-folder': place.at('others') })
    const { ended, stderr } = launch(program, flags, somebody)
    expect([await ended, stderr()]).toEqual([
      73,
      `${program}: the state folder ${place.at('others')} cannot be written (EACCES); check its owner, or choose another\n`,
    ])
  }
})

describe('tokenward', () => {
  const policy = 'apiVersion: tokenward.dev/v1alpha1\nkind: AccessPolicy\n'
  beforeAll(() => {
    for (const name of ['none', 'broken', 'listed', 'bad']) mkdirSync(place.at(name))
    place.write('bad/local.yaml', 'workloads:\n- name: Web!\n  namespaec: shop\n')
    place.write('listed/local.yaml', 'workloads: 3\n')
    place.write('broken/web.yaml', policy)
    place.write('broken/binary.yaml', Buffer.from('PK\u0003\u0004\0\0'))
    place.write('broken/huge.yaml', 'a'.repeat(3_000_000))
    place.write('broken/cut.yaml', 'apiVersion: token')
    place.write('broken/word.yaml', 'apiV')
    symlinkSync('loop.yaml', place.at('broken/loop.yaml'))
  })

  const rows: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ['an unknown command', ['valdate', 'x'], 64, /unknown command 'valdate'\n.*validate\?/],
    ['an unknown flag', ['local', 'x', '--stat', 'y'], 64, /'--stat'\n.*--state\?/],
    ['a folder that is not there', ['validate', 'nowhere'], 66, /^tokenward: nowhere is not a/],
    ['no folder', ['validate'], 64, /missing required argument 'folder'/],
    ['an output that is none', ['validate', 'x', '-o', 'xml'], 64, /Allowed choices are/],
    ['a folder without local.yaml', ['local', 'none'], 66, /none\/local\.yaml is not there/],
    ['a local.yaml of the wrong shape', ['local', 'listed'], 65, /local\.yaml:1:1: must be a list/],
    [
      'a state folder where none can be',
      ['local', 'ok', '--state', '/proc/x/y'],
      73,
      /\/proc\/x\/y/,
    ],
    ['no state folder', ['token', '--state', 'none'], 66, /none is no state folder: run/],
  ]
  test('what cannot be done ends with one clear message', async () => {
    mkdirSync(place.at('ok'))
    const workload = '{ name: a, namespace: b, app: { address: "127.0.0.1:1" } }'
    place.write('ok/local.yaml', `workloads: [${workload}]`)
    await inTurns(rows, 4, async ([what, argv, code, says]) => {
      const { ended, stderr } = launch('cli', argv, { cwd: place.folder })
      expect([what, await ended]).toEqual([what, code])
      expect(stderr()).toMatch(says)
      expect(stderr()).not.toMatch(/ {4}at |mistake/)
    })
  })

  test('a local.yaml with problems has all of them named, and nothing is begun', async () => {
    const { ended, stderr } = launch('cli', ['local', 'bad'], { cwd: place.folder })
    expect(await ended).toBe(65)
    expect(stderr()).toMatch(/local\.yaml:2:3: must be a name/)
    expect(stderr()).toMatch(/local\.yaml:3:3: .*namespaec/)
    expect(existsSync(place.at('.state'))).toBe(false)
  })

  test('files that are no resources are problems with their place, not the end of the others', async () => {
    const { ended, stdout } = launch('cli', ['validate', 'broken'], { cwd: place.folder })
    expect(await ended).toBe(1)
    expect(stdout().split('\n').slice(0, 7)).toEqual([
      'broken/binary.yaml:1:1: is no text: it holds NUL bytes',
      'broken/cut.yaml:1:1: kind is missing: is the text cut off?',
      'broken/huge.yaml:1:1: is larger than 1 MiB',
      'broken/loop.yaml:1:1: cannot be read (ELOOP)',
      expect.stringMatching(/^broken\/web\.yaml:1:1: metadata is missing/),
      expect.stringMatching(/^broken\/web\.yaml:1:1: spec is missing/),
      'broken/word.yaml:1:1: is not an object',
    ])
  })
})

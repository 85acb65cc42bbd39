import { expect, test } from 'vitest'
import { StartError } from '../refusal/exit-codes.ts'
import { createLog } from '../telemetry/log.ts'
import type { Execute, Outcome } from './programs.ts'
import { redirect } from './redirect.ts'

const options = {
  inboundPort: 15401,
  outboundPort: 15402,
  sidecarUser: 15400,
  excludeInboundPorts: [],
  excludeOutboundPorts: [],
  excludeOutboundCidrs: [],
}

const missing: Outcome = { kind: 'missing' }
const failed: Outcome = { kind: 'failed', problem: 'no such table', isForbidden: false }
const forbidden: Outcome = { kind: 'failed', problem: 'must be root', isForbidden: true }

interface Machine {
  readonly execute: Execute
  readonly written: string[]
}

/** A machine whose tables hold what was restored last; `says` answers in place of a program. */
function machine(
  says: (program: string) => Outcome | undefined = () => undefined,
  tables: Record<string, string> = {},
): Machine {
  const written: string[] = []
  const execute: Execute = (program, _argv, input) => {
    const [, table = '', verb] = /^(.*)-(save|restore)$/.exec(program) ?? []
    const said = says(program)
    if (said !== undefined) return Promise.resolve(said)
    if (verb === 'restore') {
      written.push(program)
      tables[table] = (input ?? '')
        .replaceAll(/^-I (\S+) 1 /gm, '-A $1 ')
        .replaceAll(/^-D .*\n/gm, '')
    }
    return Promise.resolve({ kind: 'done', output: tables[table] ?? '' })
  }
  return { execute, written }
}

function run({ execute }: Machine, hasIPv6 = true): Promise<string> {
  const lines: string[] = []
  const log = createLog({ name: 'redirect', level: 'info', write: (line) => lines.push(line) })
  return redirect(options, { execute, hasIPv6, log }).then(
    () => lines.join(''),
    (error: unknown) => {
      if (!(error instanceof StartError)) throw error
      return `${error.exitCode} ${error.message}`
    },
  )
}

test('both families are written by nft where nobody has used the tables yet', async () => {
  const fresh = machine()
  expect(await run(fresh)).toContain('"backend":"nft"')
  expect(fresh.written).toEqual(['iptables-nft-restore', 'ip6tables-nft-restore'])
})

test('doing it again writes nothing', async () => {
  const tables: Record<string, string> = {}
  await run(machine(undefined, tables))
  const again = machine(undefined, tables)
  await run(again)
  expect(again.written).toEqual([])
})

test('the back end that others use is used', async () => {
  const used = machine(undefined, { 'iptables-legacy': '*nat\n:OTHERS - [0:0]\nCOMMIT\n' })
  await run(used)
  expect(used.written).toEqual(['iptables-legacy-restore', 'ip6tables-nft-restore'])
})

test.each([
  ['is not there', missing],
  ['does not work', failed],
])('where nft %s, legacy is used', async (_, outcome) => {
  const one = machine((program) => (program.includes('-nft-') ? outcome : undefined))
  await run(one)
  expect(one.written).toEqual(['iptables-legacy-restore', 'ip6tables-legacy-restore'])
})

test('where nft answers but cannot write, legacy is used', async () => {
  const one = machine((program) => (program.endsWith('-nft-restore') ? failed : undefined))
  await run(one)
  expect(one.written).toEqual(['iptables-legacy-restore', 'ip6tables-legacy-restore'])
})

test.each([
  ['no program', missing, '66 IPv4: there is no program iptables-nft-save'],
  ['no right', forbidden, '77 IPv4: the rules may not be changed; run it as root with the capabi'],
  ['no table', failed, '76 IPv4: iptables-nft-save failed: no such table'],
])('with %s it ends, and says so in one line', async (_, outcome, said) => {
  const answer = await run(machine(() => outcome))
  expect(answer).toContain(said)
  expect(answer.trim().split('\n')).toHaveLength(1)
})

test('rules that are not there after they were written are an error', async () => {
  const forgetful = machine((program) =>
    program.endsWith('restore') ? { kind: 'done', output: '' } : undefined,
  )
  expect(await run(forgetful)).toContain(
    '76 IPv4: the rules were written by iptables-nft-restore, but',
  )
})

test('without IPv6 on the node, a pod that has an address of it does not start', async () => {
  const node = machine((program) => (program.startsWith('ip6') ? failed : undefined))
  expect(await run(node, true)).toContain('76 IPv6: ip6tables-nft-save failed')
})

test('without IPv6 on the node, a pod that has no address of it starts, and that is said', async () => {
  const node = machine((program) => (program.startsWith('ip6') ? failed : undefined))
  expect(await run(node, false)).toContain('IPv6 is left alone')
  expect(node.written).toEqual(['iptables-nft-restore'])
})

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { clusterDomain } from '../local/commands.ts'
import { statePaths, type StatePaths } from '../local/paths.ts'
import { readRecord, type LocalRecord, type RecordedWorkload } from '../local/record.ts'
import { StartError } from '../refusal/exit-codes.ts'
import { Refusal } from '../refusal/refusal.ts'
import { readCompact } from '../token/compact.ts'
import { clientCredentialsRequest, exchangeRequest, readTokenResponse } from '../token/exchange.ts'
import { get, postForm } from './ask-authority.ts'
import { describeToken } from './describe-token.ts'
import { readName, type NamespacedName } from './names.ts'
import { outputOption, print, type OutputFormat } from './output.ts'
import { paint, type Terminal } from './terminal.ts'

interface Options {
  readonly state: string
  readonly user?: string
  readonly as?: NamespacedName
  readonly for?: NamespacedName
  readonly onBehalfOf?: string
  readonly raw?: boolean
  readonly output: OutputFormat
}

/** `tokenward token`: gets a token as a workload or test user would, and shows what it says. */
export function tokenCommand(terminal: Terminal, exit: (code: number) => void): Command {
  return new Command('token')
    .description('Get a token of the running local system and show what it says.')
    .option('--state <dir>', 'state folder of the running system', '.state')
    .addOption(
      new Option('--user <name>', 'a test user: his own token').conflicts(['as', 'onBehalfOf']),
    )
    .option(
      '--as <namespace/workload>',
      'a workload of local.yaml: the token that it gets',
      readName,
    )
    .option('--for <namespace/service>', 'Service that the workload would call', readName)
    .option('--on-behalf-of <user>', 'test user whose request the workload serves')
    .option('--raw', 'print the token itself, and nothing else')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
The token is asked for with the workload's own credential, so what is refused here is refused to the
workload too.

Examples:
  tokenward token --user alice
  tokenward token --as shop/web --for shop/orders --on-behalf-of alice

Exit codes: 0 a token, 1 refused, 64 wrong usage, 66 no state folder, 71 nobody answers.`,
    )
    .action(async (options: Options) => {
      const system = openSystem(options.state)
      try {
        const token = await tokenOf(system, options)
        if (options.raw === true) {
          terminal.out.write(`${token}\n`)
          return
        }
        const { header, payload } = readCompact(token)
        print(terminal, options.output, {
          value: { header, claims: payload },
          table: () => describeToken(payload, terminal.out),
        })
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        const { reason, message } = error
        terminal.error.write(`${paint('red', 'refused', terminal.error)}: ${reason}. ${message}\n`)
        exit(1)
      }
    })
}

interface System {
  readonly paths: StatePaths
  readonly record: LocalRecord
}

function openSystem(state: string): System {
  const paths = statePaths(resolve(state))
  const record = readRecord(paths)
  if (record === undefined) {
    const message = `${paths.folder} is no state folder: run \`tokenward local FOLDER\`, or give its --state`
    throw new StartError('inputMissing', message)
  }
  return { paths, record }
}

function tokenOf(system: System, options: Options): Promise<string> {
  if (options.user !== undefined) return userToken(system, options.user)
  if (options.as === undefined || options.for === undefined) {
    throw new StartError('usage', 'say whose token: --user USER, or --as WORKLOAD --for SERVICE')
  }
  const { as, for: target, onBehalfOf } = options
  return workloadToken(system, findWorkload(system, as), { target, onBehalfOf })
}

async function userToken({ record }: System, user: string): Promise<string> {
  if (record.testUsers === null) {
    throw new StartError('usage', 'local.yaml names no testUsers: add testUsers.url')
  }
  const { status, text } = await get(
    record.testUsers.replace('{user}', () => encodeURIComponent(user)),
  )
  const token = status === 200 ? accessTokenIn(text) : undefined
  if (token !== undefined) return token
  const origin = new URL(record.testUsers).origin
  throw new StartError('usage', `${origin} gives no token for "${user}" (status ${status})`)
}

/** The member `access_token` of a JSON answer, or the whole of a text that is a token. */
function accessTokenIn(text: string): string | undefined {
  try {
    const { access_token: token } = JSON.parse(text) as { access_token?: unknown }
    return typeof token === 'string' ? token : undefined
  } catch {
    const bare = text.trim()
    return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(bare) ? bare : undefined
  }
}

function findWorkload({ record }: System, { namespace, name }: NamespacedName): RecordedWorkload {
  const id = `${namespace}/${name}`
  const found = record.workloads.find(({ workload }) => workload === id)
  if (found !== undefined) return found
  const known = record.workloads.map(({ workload }) => workload).join(', ')
  throw new StartError('usage', `there is no workload ${id}; there are ${known}`)
}

async function workloadToken(
  system: System,
  workload: RecordedWorkload,
  asked: {
    readonly target: NamespacedName
    readonly onBehalfOf: string | undefined
  },
): Promise<string> {
  const { paths, record } = system
  const { target, onBehalfOf } = asked
  const { authorityToken } = paths.pod(workload.namespace, workload.pod)
  const request = {
    assertion: readFileSync(authorityToken, 'utf8').trim(),
    audience: `http://${target.name}.${target.namespace}.svc.${clusterDomain}`,
    scopes: [],
  }
  const body =
    onBehalfOf === undefined
      ? clientCredentialsRequest(request)
      : exchangeRequest({
          ...request,
          subjectToken: await userToken(system, onBehalfOf),
          subjectTokenType: 'jwt',
        })
  const { status, text } = await postForm(record.authority, body, paths.certificate('root'))
  return readTokenResponse(status, text).accessToken
}

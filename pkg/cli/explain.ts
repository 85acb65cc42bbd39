import { Command } from 'commander'
import { formatProblem } from '../api/problem.ts'
import { compile } from '../policy/compile.ts'
import { explain, type Explanation, type PortExplanation } from '../policy/explain.ts'
import type { OperationExplanation, RuleExplanation } from '../policy/explain-rule.ts'
import { rowOf, type Reason } from '../refusal/reasons.ts'
import { readFolder, worldOf, type Folder } from './folder.ts'
import { readName, readSubject, readTarget, type NamespacedName } from './names.ts'
import { outputOption, print, type OutputFormat } from './output.ts'
import { paint, type Terminal } from './terminal.ts'

interface Options {
  readonly folder: string
  readonly from: NamespacedName
  readonly to: NamespacedName & { readonly port?: string }
  readonly subject?: { readonly issuer: string; readonly id: string }
  readonly output: OutputFormat
}

/** `tokenward explain`: which rule would decide a call, why, and the line to change. */
export function explainCommand(terminal: Terminal, exit: (code: number) => void): Command {
  return new Command('explain')
    .description('Say what would become of one call, rule by rule; nothing needs to run.')
    .option('-f, --folder <dir>', 'folder of the resources', '.')
    .requiredOption('--from <namespace/name>', 'ServiceAccount that calls', readName)
    .requiredOption('--to <namespace/service[:port]>', 'Service that is called', readTarget)
    .option('--subject <issuer:user>', 'user on whose behalf, as in corp:alice', readSubject)
    .argument('<method>', 'such as POST')
    .argument('<path>', 'such as /charges')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
The same functions decide here as in the sidecars and the authority.

Example:
  tokenward explain --folder examples/shop --from shop/orders --to shop/payments \\
    --subject corp:alice POST /charges

Exit codes: 0 allowed, 1 refused, 64 wrong usage, 66 no such folder.`,
    )
    .action(async (method: string, path: string, options: Options) => {
      const { from, to, subject, output } = options
      const folder = await readFolder(options.folder)
      for (const problem of folder.problems) {
        terminal.error.write(`left out, it allows nothing: ${formatProblem(problem)}\n`)
      }
      const world = worldOf(folder)
      const question = { from, to, method, path, ...(subject === undefined ? {} : { subject }) }
      const found = explain(world, compile(world), question)
      const allowed = found.ports.length > 0 && found.ports.every((port) => port.allowed)
      print(terminal, output, {
        value: { allowed, ...withLines(found, folder) },
        table: () => describe(found, { folder, terminal }).join('\n'),
      })
      if (!allowed) exit(1)
    })
}

/** Adds `line` (`file:line:column`) to every rule and operation. */
function withLines(found: Explanation, folder: Folder): Explanation {
  const at = <T extends { readonly field: string }>(policy: string, row: T) => ({
    ...row,
    line: lineOf(folder, policy, row.field),
  })
  return {
    ...found,
    ports: found.ports.map((port) => ({
      ...port,
      rules: port.rules.map((rule) => ({
        ...at(rule.policy, rule),
        operations: rule.operations.map((row) => at(rule.policy, row)),
      })),
      publicOperations: port.publicOperations.map((row) => at(row.policy, row)),
    })),
  }
}

function lineOf({ resources }: Folder, policy: string, field: string): string {
  const [namespace = '', name = ''] = policy.split('/')
  const located = resources.find(
    ({ resource: { kind, metadata } }) =>
      kind === 'AccessPolicy' && metadata.namespace === namespace && metadata.name === name,
  )
  if (located === undefined) return ''
  const { line, column } = located.locate(field)
  return `${located.file}:${line}:${column}`
}

interface View {
  readonly folder: Folder
  readonly terminal: Terminal
}

function describe(found: Explanation, view: View): string[] {
  const { out } = view.terminal
  return [
    ...found.ports.flatMap((port) => describePort(port, view)),
    ...(found.ports.length === 0 ? [paint('red', 'refused', out)] : []),
    ...found.notes.map((note) => `note: ${note}`),
    ...found.warnings.map((warning) => `${paint('yellow', 'warning', out)}: ${warning}`),
  ]
}

function describePort(port: PortExplanation, view: View): string[] {
  const { out } = view.terminal
  const { token } = port
  const verdict = port.allowed
    ? `${paint('green', 'allowed', out)}${port.public ? ' without a token' : ` by ${port.policy} rule ${port.rule}`}`
    : `${paint('red', 'refused', out)} by the ${refuser(port)}: ${port.reason ?? ''}. ${wordsOf(port.reason)}`
  return [
    `${paint('bold', port.id, out)}  ${verdict}`,
    ...(token === undefined
      ? []
      : [
          `  token: subject ${token.subject}, actors ${token.actors.join(' <- ') || 'none'}, scope "${token.scopes.join(' ')}", at most ${token.lifetimeSeconds} s`,
        ]),
    ...port.rules.flatMap((rule) => describeRule(rule, view)),
    ...port.publicOperations.map(
      (row) => `  public: ${fit(row)}  ${lineOf(view.folder, row.policy, row.field)}`,
    ),
  ]
}

function refuser({ refusedBy }: PortExplanation): string {
  return refusedBy === 'authority'
    ? 'authority'
    : `${refusedBy === 'caller' ? "caller's" : "target's"} sidecar`
}

function describeRule(rule: RuleExplanation, { folder, terminal }: View): string[] {
  const outcome = rule.allows ? paint('green', 'allows it', terminal.out) : whyNot(rule)
  return [
    `  rule ${rule.policy} ${rule.rule}: ${outcome}  ${lineOf(folder, rule.policy, rule.field)}`,
    ...rule.operations.map(
      (row) => `    operation: ${fit(row)}  ${lineOf(folder, rule.policy, row.field)}`,
    ),
  ]
}

function whyNot({ namesCaller, operations, reason }: RuleExplanation): string {
  if (!namesCaller) return 'does not name the caller'
  if (!operations.some(({ matches }) => matches)) return 'has no such operation'
  return `does not allow it: ${reason ?? ''}`
}

function fit({ matches, differs, scopes }: OperationExplanation): string {
  if (!matches) return `another ${differs ?? 'operation'}`
  return scopes.length === 0 ? 'matches' : `matches, needs scope "${scopes.join(' ')}"`
}

function wordsOf(reason: Reason | undefined): string {
  return reason === undefined ? '' : rowOf(reason).words
}

import { Command } from 'commander'
import { formatProblem, type Problem } from '../api/problem.ts'
import { compile } from '../policy/compile.ts'
import type { Verdict } from '../policy/verdict.ts'
import { readFolder, worldOf, type Folder } from './folder.ts'
import { outputOption, print, type OutputFormat } from './output.ts'
import { paint, type Terminal } from './terminal.ts'

/** `tokenward validate`: everything that is wrong in a folder, each with its place. */
export function validateCommand(terminal: Terminal, exit: (code: number) => void): Command {
  return new Command('validate')
    .description('Check the resources of a folder and its local.yaml, without running anything.')
    .argument('<folder>', 'folder with AccessPolicy and TrustedIssuer files')
    .addOption(outputOption())
    .addHelpText('after', '\nExit codes: 0 no problem, 1 problems, 66 no such folder.')
    .action(async (path: string, { output }: { output: OutputFormat }) => {
      const folder = await readFolder(path)
      const problems = [...folder.problems, ...verdictProblems(folder)]
      const { warnings } = folder
      print(terminal, output, {
        value: { files: folder.files, problems, warnings },
        table: () => {
          const lines = [
            ...problems.map(formatProblem),
            ...warnings.map((each) => `${formatProblem(each)} (warning)`),
          ]
          return [...lines, closing(terminal, folder, problems.length)].join('\n')
        },
      })
      if (problems.length > 0) exit(1)
    })
}

function closing(terminal: Terminal, { files, resources }: Folder, problems: number): string {
  const read = `${count(files.length, 'file')}, ${count(resources.length, 'resource')}`
  return problems === 0
    ? `${read}: ${paint('green', 'no problems', terminal.out)}`
    : `${read}: ${paint('red', count(problems, 'problem'), terminal.out)}`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

/**
 * What only the resources together show, such as a Service that is not there. Where the folder says
 * nothing of Services, a cluster has them and nobody can tell here.
 */
function verdictProblems(folder: Folder): Problem[] {
  const world = worldOf(folder)
  if (folder.local === undefined && world.services.length === 0) return []
  return compile(world).verdicts.flatMap((verdict) => {
    const accepted = verdict.conditions.find(({ type }) => type === 'Accepted')
    const located = folder.resources.find(({ resource }) => isOf(verdict, resource))
    if (accepted?.status !== 'False' || located === undefined) return []
    const fields =
      verdict.problems.length > 0
        ? verdict.problems
        : [{ field: 'metadata.name', message: accepted.message }]
    return fields.map(({ field, message }) => ({
      file: located.file,
      ...located.locate(field),
      path: field,
      message,
    }))
  })
}

function isOf(
  verdict: Verdict,
  { kind, metadata }: { kind: string; metadata: { name: string; namespace: string } },
): boolean {
  const { namespace, name } = metadata
  return kind === verdict.kind && namespace === verdict.namespace && name === verdict.name
}

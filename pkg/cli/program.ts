import { Command, CommanderError } from 'commander'
import { describeStartFailure } from '../http/start-failure.ts'
import { exitCodes } from '../refusal/exit-codes.ts'
import { explainCommand } from './explain.ts'
import { localCommand, type Host } from './local.ts'
import { paint, type Terminal } from './terminal.ts'
import { tokenCommand } from './token.ts'
import { validateCommand } from './validate.ts'

/**
 * Runs `tokenward` with these arguments and gives the exit code: 0, 1 where the answer is no, else one
 * of refusal/exit-codes.
 */
export async function runProgram(
  argv: readonly string[],
  terminal: Terminal,
  host: Host,
): Promise<number> {
  let code = 0
  const exit = (number: number): void => {
    code = number
  }
  const program = new Command('tokenward')
    .description('Scoped, short-lived tokens for every workload, and a check on every call.')
    .version(host.version, '--version', 'show the version')
    .helpCommand(false)
    .addHelpText('after', '\nEach command has its own --help with examples and exit codes.')
  const commands = [
    localCommand(terminal, host),
    validateCommand(terminal, exit),
    explainCommand(terminal, exit),
    tokenCommand(terminal, exit),
  ]
  for (const command of commands) program.addCommand(command)
  for (const command of [program, ...commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out.write(text),
      writeErr: (text) => terminal.error.write(text),
    })
    command.showSuggestionAfterError().helpOption('-h, --help', 'show this')
  }
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : exitCodes.usage
    }
    const { exitCode, text } = describeStartFailure(
      paint('red', 'tokenward', terminal.error),
      error,
    )
    terminal.error.write(`${text}\n`)
    return exitCode
  }
}

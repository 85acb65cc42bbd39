import { exitCodes, StartError } from '../refusal/exit-codes.ts'
import { ListenError } from './listen.ts'

/** What a program that cannot start says on standard error, and the code that it exits with. */
export function describeStartFailure(
  program: string,
  error: unknown,
): { readonly exitCode: number; readonly text: string } {
  if (error instanceof StartError) {
    return { exitCode: error.exitCode, text: `${program}: ${error.message}` }
  }
  if (error instanceof ListenError) {
    return { exitCode: exitCodes.portUnavailable, text: `${program}: ${error.message}` }
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : 'unknown error'
  return { exitCode: exitCodes.internal, text: `${program}: a mistake of ours: ${detail}` }
}

import pino from 'pino'
import { standardOutput } from './standard-output.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Facts first, then one sentence. Never a token, a code, a secret or a raw path. */
export interface Log {
  readonly level: string
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  child(facts: Readonly<Record<string, unknown>>): Log
}

/** Where lines go; the default is standard output. */
export type Write = (line: string) => void

/**
 * One line of JSON per event. Errors are logged under `err` with type, message, stack and causes; what
 * an error carries besides stays out, because it may hold input.
 */
export function createLog(options: {
  readonly name: string
  readonly level: LogLevel
  readonly write?: Write
}): Log {
  const settings: pino.LoggerOptions = {
    name: options.name,
    level: options.level,
    base: { name: options.name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
  }
  const { write = standardOutput() } = options
  return pino(settings, { write })
}

function describeError(error: unknown, isWords = false): unknown {
  // A cause may be a few words of ours; what else is thrown stays out, because it may hold input.
  if (!(error instanceof Error))
    return isWords && typeof error === 'string' ? error : { type: typeof error }
  const code: unknown = 'code' in error ? error.code : undefined
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause, true) }),
  }
}

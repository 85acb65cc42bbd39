import { describeStartFailure } from './start-failure.ts'

/** The parts of Node's `process` that are used here. */
interface Process {
  once(signal: 'SIGTERM' | 'SIGINT', action: () => void): unknown
  readonly stderr: { write(text: string): unknown }
  exit(code: number): never
}

/**
 * Starts a process of ours, and closes it at SIGTERM or SIGINT: the exit code is 0, or says why it did
 * not start (refusal/exit-codes). A signal that comes during the start is obeyed after it, so that
 * nothing stays half open; a second of the same kind ends the process at once.
 */
export async function runProcess(
  program: string,
  start: () => Promise<{ close(): Promise<void> }>,
  process: Process,
): Promise<never> {
  const stopped = new Promise<void>((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  let exitCode = 0
  try {
    const running = await start()
    await stopped
    await running.close()
  } catch (error) {
    const failure = describeStartFailure(program, error)
    process.stderr.write(`${failure.text}\n`)
    exitCode = failure.exitCode
  }
  return process.exit(exitCode)
}

import { spawnSync } from 'node:child_process'
import { environment, name } from './places.ts'

/** The same command, in the cluster's network. */
export function inside(command: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${name}`, ...command]
}

interface RunOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a command to its end and gives what it printed; throws with its own words when it fails. */
export function run(command: readonly string[], options: RunOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command[0] ?? '', command.slice(1), {
    encoding: 'utf8',
    env: environment(),
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  })
  if (error !== undefined) throw new Error(`${command[0]}: ${error.message}`)
  if (status !== 0) {
    throw new Error(`${command.slice(0, 6).join(' ')} failed (${status}):\n${stderr || stdout}`)
  }
  return stdout
}

/** Whether a command succeeds. */
export function succeeds(command: readonly string[]): boolean {
  return spawnSync(command[0] ?? '', command.slice(1), { env: environment() }).status === 0
}

/** Runs a command with this terminal as its own; gives its exit code. */
export function attach(command: readonly string[]): number {
  const { status } = spawnSync(command[0] ?? '', command.slice(1), {
    stdio: 'inherit',
    env: environment(),
  })
  return status ?? 1
}

/** Looks five times a second until a command succeeds. */
export async function untilItWorks(
  what: string,
  command: readonly string[],
  withinSeconds: number,
): Promise<void> {
  const deadline = performance.now() + withinSeconds * 1000
  while (!succeeds(command)) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinSeconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

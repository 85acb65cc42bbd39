import { spawn } from 'node:child_process'
import type { Family } from './plan.ts'

/** How iptables reaches the kernel. */
export type Backend = 'nft' | 'legacy'

export const backends: readonly Backend[] = ['nft', 'legacy']

/** What a program said; `missing`: there is no such program. */
export type Outcome =
  | { readonly kind: 'done'; readonly output: string }
  | { readonly kind: 'failed'; readonly problem: string; readonly isForbidden: boolean }
  | { readonly kind: 'missing' }

/** Runs a program with these arguments and this input, by no shell. */
export type Execute = (program: string, argv: readonly string[], input?: string) => Promise<Outcome>

const timeoutMs = 20_000
const waitSeconds = 10

export function programOf(family: Family, backend: Backend, verb: 'save' | 'restore'): string {
  return `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${backend}-${verb}`
}

export const saveArguments = ['-t', 'nat']
/** `--noflush` leaves the rules of others alone. */
export const restoreArguments = ['--noflush', '--wait', String(waitSeconds)]

/** Runs programs of this machine; `env` is all of their environment. */
export function createExecute(env: Readonly<Record<string, string>>): Execute {
  return (program, argv, input) =>
    new Promise((resolve) => {
      const child = spawn(program, argv, { env, timeout: timeoutMs, stdio: 'pipe' })
      let output = ''
      let problem = ''
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
      child.stderr.on('data', (chunk: Buffer) => (problem += chunk.toString()))
      child.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') resolve({ kind: 'missing' })
        else resolve(failure(error.message))
      })
      child.on('close', (code, signal) => {
        if (code === 0) resolve({ kind: 'done', output })
        else resolve(failure(problem || `it ended with ${code ?? signal ?? 'no code'}`))
      })
      child.stdin.on('error', () => undefined)
      child.stdin.end(input ?? '')
    })
}

function failure(text: string): Outcome {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('# Warning') && !line.startsWith('Try '))
  return {
    kind: 'failed',
    problem: lines.slice(0, 2).join('; ').slice(0, 300),
    isForbidden: /permission denied|operation not permitted|must be root/i.test(text),
  }
}

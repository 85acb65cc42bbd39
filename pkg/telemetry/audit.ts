import type { Write } from './log.ts'
import { standardOutput } from './standard-output.ts'

/** Facts of one decision; strings, numbers and lists of strings. */
export type AuditFacts = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>

export type Audit = (facts: AuditFacts) => void

const gatherMs = 20
const gatherCharacters = 64 * 1024

/** One JSON line per decision, marked `audit: true`, with its time. Never a token. */
export function createAudit(options: { readonly write?: Write; readonly now?: () => Date }): Audit {
  const { write = gathered(), now = () => new Date() } = options
  return (facts) => {
    write(JSON.stringify({ audit: true, time: now().toISOString(), ...facts }) + '\n')
  }
}

/**
 * Writes to standard output, many lines at once: a write to a pipe wakes its reader and costs more than
 * the decision that it tells of. Lines wait 20 ms at most; what waits at the exit is written then.
 */
function gathered(): Write {
  const write = standardOutput()
  let waiting = ''
  let timer: NodeJS.Timeout | undefined
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    const lines = waiting
    waiting = ''
    if (lines !== '') write(lines)
  }
  process.once('exit', flush)
  return (line) => {
    waiting += line
    if (waiting.length > gatherCharacters) flush()
    else timer ??= setTimeout(flush, gatherMs)
  }
}

import type { Write } from './log.ts'

/** Facts of one decision; strings, numbers and lists of strings. */
export type AuditFacts = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>

export type Audit = (facts: AuditFacts) => void

/** One JSON line per decision, marked `audit: true`, with its time. Never a token. */
export function createAudit(options: { readonly write?: Write; readonly now?: () => Date }): Audit {
  const { write = (line: string) => process.stdout.write(line), now = () => new Date() } = options
  return (facts) => {
    write(JSON.stringify({ audit: true, time: now().toISOString(), ...facts }) + '\n')
  }
}

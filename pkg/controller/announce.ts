import type { Log } from '../telemetry/log.ts'
import type { Outcome } from './reconcile.ts'

/** Logs what does not count, and why, once for as long as that holds. */
export function createAnnouncer(log: Log): (outcome: Outcome) => void {
  let known: ReadonlySet<string> = new Set()
  return ({ snapshot, verdicts }) => {
    const refused = verdicts.flatMap(({ kind, namespace, name, conditions }) =>
      conditions
        .filter(({ type, status }) => type === 'Accepted' && status === 'False')
        .map(({ reason, message }) => ({ kind, namespace, name, reason, why: message })),
    )
    const contradicted = snapshot.conflicts.map(({ files, ...resource }) => ({
      ...resource,
      reason: 'Conflicted',
      why: `several files define it: ${files.join(', ')}`,
    }))
    const found = new Map([...refused, ...contradicted].map((row) => [JSON.stringify(row), row]))
    for (const [key, row] of found) {
      if (!known.has(key)) log.warn(row, 'a resource does not count')
    }
    known = new Set(found.keys())
  }
}

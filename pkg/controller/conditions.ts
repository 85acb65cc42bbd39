import type { Progress } from '../discovery/index.ts'
import type { KeyStatus } from '../issuers/key-source.ts'
import type { Verdict } from '../policy/verdict.ts'
import type { Conflict } from './sources/snapshot.ts'

/** A condition before it is known since when it holds. */
export interface Finding {
  readonly type: 'Accepted' | 'Programmed' | 'KeysAvailable'
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly message: string
}

/** What is found about an AccessPolicy or TrustedIssuer that was compiled. */
export function findingsOf(
  verdict: Verdict,
  progress: Progress,
  keys: KeyStatus | undefined,
): Finding[] {
  const findings: Finding[] = [...verdict.conditions]
  const accepted = findings.every(({ status }) => status === 'True')
  if (verdict.kind === 'AccessPolicy' && accepted) findings.push(programmed(verdict, progress))
  if (keys !== undefined) findings.push(keysAvailable(keys))
  return findings
}

/** What is found about a resource that several files define. */
export function findingOf({ files }: Conflict): Finding {
  const message = `several files define it, so none of them counts: ${files.join(', ')}`
  return { type: 'Accepted', status: 'False', reason: 'Conflicted', message }
}

function programmed({ pods }: Verdict, { applied, rejection }: Progress): Finding {
  const why = rejection === undefined ? '' : `; ${rejection.pod} rejects it: ${rejection.reason}`
  const done = applied === pods.length
  return {
    type: 'Programmed',
    status: done ? 'True' : 'False',
    reason: done ? 'Programmed' : 'PartiallyProgrammed',
    message: `applied ${applied} of ${pods.length}${why}`,
  }
}

function keysAvailable({ keyIds, lastError }: KeyStatus): Finding {
  const available = keyIds.length > 0
  const error = lastError === undefined ? '' : `the last fetch failed: ${lastError}`
  return {
    type: 'KeysAvailable',
    status: available ? 'True' : 'False',
    reason: available ? 'KeysAvailable' : 'NotFetched',
    message:
      error !== '' ? error : available ? 'the keys are fetched' : 'the keys are being fetched',
  }
}

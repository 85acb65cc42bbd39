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

/** Pods that a message names. */
const maxShown = 5

/** What is found about an AccessPolicy or TrustedIssuer that was compiled. */
export function findingsOf(
  verdict: Verdict,
  known: {
    readonly progress: Progress
    /** Of an issuer whose keys are fetched. */
    readonly keys: KeyStatus | undefined
    /** Pods of the targets whose sidecar calls can get past, and how. */
    readonly gaps: readonly string[]
  },
): Finding[] {
  const { keys } = known
  const findings: Finding[] = [...verdict.conditions]
  const accepted = findings.every(({ status }) => status === 'True')
  if (verdict.kind === 'AccessPolicy' && accepted) findings.push(programmed(verdict, known))
  if (keys !== undefined) findings.push(keysAvailable(keys))
  return findings
}

/** What is found about a resource that several files define. */
export function findingOf({ files }: Conflict): Finding {
  const message = `several files define it, so none of them counts: ${files.join(', ')}`
  return { type: 'Accepted', status: 'False', reason: 'Conflicted', message }
}

function programmed(
  { pods }: Verdict,
  { progress, gaps }: { readonly progress: Progress; readonly gaps: readonly string[] },
): Finding {
  const { applied, rejection } = progress
  const why = rejection === undefined ? '' : `; ${rejection.pod} rejects it: ${rejection.reason}`
  const message = `applied ${applied} of ${pods.length}${why}`
  const type = 'Programmed'
  if (gaps.length > 0) {
    const more = gaps.length > maxShown ? ` and ${gaps.length - maxShown} more` : ''
    const shown = `nothing checks calls to ${gaps.slice(0, maxShown).join(', ')}${more}`
    const remedy = 'have their pods injected anew, with these ports in the hands of the sidecar'
    return {
      type,
      status: 'False',
      reason: 'BypassPossible',
      message: `${message}; ${shown}; ${remedy}`,
    }
  }
  const done = applied === pods.length
  return {
    type,
    status: done ? 'True' : 'False',
    reason: done ? 'Programmed' : 'PartiallyProgrammed',
    message,
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

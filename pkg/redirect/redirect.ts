import { StartError } from '../refusal/exit-codes.ts'
import type { Log } from '../telemetry/log.ts'
import { planRules, type Family, type Plan, type RedirectOptions } from './plan.ts'
import {
  backends,
  programOf,
  restoreArguments,
  saveArguments,
  type Backend,
  type Execute,
} from './programs.ts'
import { differences, hasOwnChains, isUsed, readSaved, restoreText, type Saved } from './saved.ts'

export interface RedirectPlace {
  readonly execute: Execute
  /** Whether the pod has an address of IPv6 that others reach. */
  readonly hasIPv6: boolean
  readonly log: Log
}

/** A back end that answers, and what it holds. */
interface Usable {
  readonly backend: Backend
  readonly saved: Saved
}

/**
 * Writes the rules of both families, reads them back and compares. Doing it again changes nothing.
 * Throws StartError where the rules are not in place.
 */
export async function redirect(options: RedirectOptions, place: RedirectPlace): Promise<void> {
  for (const family of ['IPv4', 'IPv6'] as const) await redirectFamily(family, options, place)
}

async function redirectFamily(
  family: Family,
  options: RedirectOptions,
  { execute, hasIPv6, log }: RedirectPlace,
): Promise<void> {
  const plan = planRules(family, options)
  const problems: StartError[] = []
  for (const { backend, saved } of await findUsable(family, { plan, execute, problems })) {
    const problem = await write({ family, backend, plan, saved, execute })
    if (problem === undefined) {
      log.info({ family, backend, rules: count(plan) }, 'connections of this pod are redirected')
      return
    }
    problems.push(problem)
  }
  if (family === 'IPv6' && !hasIPv6) {
    const why = problems[0]?.message
    log.warn({ family, why }, 'IPv6 is left alone: the pod has no address of it')
    return
  }
  throw problems[0] ?? new Error('no back end was tried')
}

/** Back ends that answer: first the one with our own rules, then one that others use, then nft. */
async function findUsable(
  family: Family,
  found: { readonly plan: Plan; readonly execute: Execute; readonly problems: StartError[] },
): Promise<readonly Usable[]> {
  const { plan, execute, problems } = found
  const usable: Usable[] = []
  for (const backend of backends) {
    const program = programOf(family, backend, 'save')
    const outcome = await execute(program, saveArguments)
    if (outcome.kind === 'done') usable.push({ backend, saved: readSaved(outcome.output) })
    else problems.push(explain(program, family, outcome))
  }
  const rank = ({ saved }: Usable): number =>
    hasOwnChains(saved, plan) ? 0 : isUsed(saved) ? 1 : 2
  return usable.toSorted((one, other) => rank(one) - rank(other))
}

async function write(table: {
  readonly family: Family
  readonly backend: Backend
  readonly plan: Plan
  readonly saved: Saved
  readonly execute: Execute
}): Promise<StartError | undefined> {
  const { family, backend, plan, saved, execute } = table
  if (differences(saved, plan).length === 0) return undefined
  const restore = programOf(family, backend, 'restore')
  const written = await execute(restore, restoreArguments, restoreText(saved, plan))
  if (written.kind !== 'done') return explain(restore, family, written)
  const save = programOf(family, backend, 'save')
  const read = await execute(save, saveArguments)
  if (read.kind !== 'done') return explain(save, family, read)
  const [difference] = differences(readSaved(read.output), plan)
  if (difference === undefined) return undefined
  return new StartError(
    'rulesNotInPlace',
    `${family}: the rules were written by ${restore}, but what ${save} shows is not what was written: ${difference}`,
  )
}

function explain(
  program: string,
  family: Family,
  outcome: { kind: 'missing' } | { kind: 'failed'; problem: string; isForbidden: boolean },
): StartError {
  if (outcome.kind === 'missing') {
    return new StartError('inputMissing', `${family}: there is no program ${program} in this image`)
  }
  const { problem, isForbidden } = outcome
  return isForbidden
    ? new StartError(
        'notPermitted',
        `${family}: the rules may not be changed; run it as root with the capabilities NET_ADMIN and NET_RAW, or use the annotation tokenward.dev/interception: explicit (${program}: ${problem})`,
      )
    : new StartError('rulesNotInPlace', `${family}: ${program} failed: ${problem}`)
}

function count(plan: Plan): number {
  return Object.values(plan.chains).flat().length
}

import { rowOf, type Reason } from '../refusal/reasons.ts'
import type { Refusal } from '../refusal/refusal.ts'
import type { Audit } from '../telemetry/audit.ts'
import { subjectHash } from '../token/subject-hash.ts'
import type { Direction } from './fields.ts'
import type { AnswerVerdict } from './forward/verdict.ts'
import { callerOf, type Subject } from './subject.ts'
import { traceIdOf } from './trace.ts'

/** What is known of a decision when it is made; all of it goes into the audit line. */
export interface DecisionFacts {
  readonly decision: string
  readonly method: string
  /** Listener it came to. */
  readonly listener: string
  readonly subject?: Subject | undefined
  /** Acting without a subject: why. */
  readonly cause?: string | undefined
  readonly policy?: string | undefined
  readonly rule?: string | undefined
  readonly audience?: string | undefined
  readonly scopes?: readonly string[] | undefined
  /** Template of the path, never the path. */
  readonly template?: string | undefined
  readonly traceparent?: string | undefined
}

export interface Counts {
  allowed: number
  readonly refused: Map<Reason, number>
}

/** Counts every decision and writes its audit line: refusals always, what is allowed at level debug. */
export interface DecisionRecord {
  readonly direction: Direction
  readonly counts: Counts
  /** Whether `allowed` writes lines: then its facts are worth being gathered. */
  readonly writesAllowed: boolean
  allowed(facts: DecisionFacts): void
  /** Counts and writes a refusal of the engine's own. */
  refused(refusal: Refusal, facts: DecisionFacts): void
  /** As `refused`; gives the verdict. */
  refuse(refusal: Refusal, facts: DecisionFacts): AnswerVerdict
}

/** The record of one direction, with every count at zero. */
export function createRecord(options: {
  readonly direction: Direction
  readonly audit: Audit
  readonly writesAllowed: boolean
}): DecisionRecord {
  const { direction, audit, writesAllowed } = options
  const counts: Counts = { allowed: 0, refused: new Map() }

  const write = (verdict: 'allow' | 'deny', facts: DecisionFacts, refusal?: Refusal): void => {
    const { decision, method, listener, subject, traceparent } = facts
    const { cause, audience, template } = facts
    audit({
      decision,
      direction,
      verdict,
      ...(refusal === undefined
        ? {}
        : { reason: refusal.reason, status: refusal.facts.status ?? rowOf(refusal.reason).status }),
      policy: facts.policy ?? refusal?.facts.policy,
      rule: facts.rule ?? refusal?.facts.rule,
      listener,
      method: knownMethod(method),
      ...subjectFacts(subject, cause),
      audience,
      scope: facts.scopes?.join(' '),
      route: template,
      trace: traceIdOf(traceparent),
    })
  }

  const refused = (refusal: Refusal, facts: DecisionFacts): void => {
    counts.refused.set(refusal.reason, (counts.refused.get(refusal.reason) ?? 0) + 1)
    write('deny', facts, refusal)
  }

  return {
    direction,
    counts,
    writesAllowed,
    allowed(facts) {
      counts.allowed += 1
      if (writesAllowed) write('allow', facts)
    },
    refused,
    refuse(refusal, facts) {
      refused(refusal, facts)
      return { kind: 'answer', refusal, decision: facts.decision }
    },
  }
}

function subjectFacts(subject: Subject | undefined, cause: string | undefined): object {
  if (subject === undefined) return cause === undefined ? {} : { subject: 'self', cause }
  const { bearer } = subject
  return {
    caller: callerOf(bearer),
    subject: subjectHash(bearer),
    actors: bearer.actors,
    ...(cause === undefined ? {} : { cause }),
  }
}

const methods = new Set('GET HEAD POST PUT PATCH DELETE OPTIONS TRACE QUERY'.split(' '))

function knownMethod(method: string): string {
  return methods.has(method) ? method : 'other'
}

import type { Address } from '../http/address.ts'
import { decide } from '../policy/decide.ts'
import { canonicalPath } from '../policy/path.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Bearer } from '../token/claims.ts'
import { readCredential } from './credential.ts'
import { dropInboundTrailer, scanFields, type Scan } from './fields.ts'
import type { Handles } from './handles.ts'
import type { RequestHead } from '../http/http1/message.ts'
import type { ConnectionFacts, Handler, Verdict } from './forward/verdict.ts'
import type { Policy, PolicyState } from './policy-state.ts'
import type { RandomBits } from './random.ts'
import type { DecisionRecord } from './record.ts'
import { subjectOf, type Subject } from './subject.ts'
import { isTraceparent, joinTracestate, plainTraceparent, splitTracestate } from './trace.ts'

export interface InboundOptions {
  readonly state: Pick<PolicyState, 'judging'>
  readonly handles: Handles
  readonly record: DecisionRecord
  readonly newDecision: () => string
  readonly random: RandomBits
  /** The target port that a connection came to, and where the app listens. */
  readonly at: (connection: ConnectionFacts) => Arrival
  readonly nowSeconds: () => number
}

export interface Arrival {
  readonly port: number
  readonly app: Address
}

/** The one token of a request: verified, or why it is not. */
interface Presented {
  readonly token?: string
  readonly bearer?: Bearer
  readonly refusal?: Refusal
  /** There is a credential that is not for us to judge (another scheme). */
  readonly foreign?: boolean
}

const nothing: Presented = {}
const foreign: Presented = { foreign: true }

/** Judges what arrives for the app: verify, decide, strip and add fields (data-plane.md). Synchronous. */
export function createInbound(options: InboundOptions): Handler {
  const { state, handles, record, newDecision, random, at, nowSeconds } = options

  const judge = (head: RequestHead, connection: ConnectionFacts): Verdict => {
    const scan = scanFields(head.fields, 'inbound')
    const decision = newDecision()
    const { listener } = connection
    const { port, app } = at(connection)
    const facts = { decision, method: head.method, listener, traceparent: scan.traceparents[0] }
    let policy: Policy
    try {
      policy = state.judging()
    } catch (error) {
      if (error instanceof Refusal) return record.refuse(error, facts)
      throw error
    }
    const rules = policy.ports.get(port)
    const path = canonicalPath(head.path)
    if (path === null && rules?.judgesPath === true) {
      return record.refuse(new Refusal('ambiguous_path'), facts)
    }
    const presented = present(scan.authorizations, policy, nowSeconds())
    if (presented.refusal?.reason === 'two_tokens') return record.refuse(presented.refusal, facts)
    const { bearer, token } = presented
    const subject =
      bearer === undefined || token === undefined ? undefined : subjectOf(bearer, token)
    const outcome = decide(rules?.policy, { method: head.method, path }, bearer)
    if (outcome.kind === 'deny') {
      return record.refuse(presented.refusal ?? outcome.refusal, { ...facts, subject })
    }
    // On a public operation nobody speaks: what the app then calls, it calls as itself.
    const speaker = outcome.public ? undefined : subject
    const handle = handles.open(speaker)
    if (handle === undefined) return record.refuse(new Refusal('overloaded'), facts)
    record.allowed(
      record.writesAllowed
        ? {
            ...facts,
            subject: speaker,
            cause: outcome.public ? 'public' : undefined,
            policy: outcome.policy,
            rule: outcome.rule,
            audience: bearer?.audiences.join(' '),
            scopes: outcome.scopes,
            template: outcome.template,
          }
        : facts,
    )
    const keeps =
      subject !== undefined ? policy.isForUs(subject.bearer) : presented.foreign === true
    // The app may need it to act on behalf.
    const authorization = scan.authorizations[0]
    if (keeps && authorization !== undefined) scan.kept.push('Authorization', authorization)
    return {
      kind: 'forward',
      to: app,
      path: (path ?? head.path) + head.query,
      fields: scan.kept,
      added: addedFields(scan, { decision, handle: handle.text, speaker, random }),
      decision,
      dropTrailer: dropInboundTrailer,
      onEnd: () => {
        handles.end(handle)
      },
    }
  }

  return judge
}

/** Reads and verifies the one token location (RFC 6750 2.1). */
function present(authorizations: readonly string[], policy: Policy, nowSeconds: number): Presented {
  const [value] = authorizations
  if (value === undefined) return nothing
  if (authorizations.length > 1) return { refusal: new Refusal('two_tokens') }
  const credential = readCredential(value)
  if (credential.kind === 'other') return foreign
  if (credential.kind === 'several') return { refusal: new Refusal('two_tokens') }
  if (credential.kind === 'malformed') return { refusal: new Refusal('token_malformed') }
  const { token } = credential
  try {
    return { token, bearer: policy.verify(token, nowSeconds) }
  } catch (error) {
    if (error instanceof Refusal) return { token, refusal: error }
    throw error
  }
}

function addedFields(
  scan: Scan,
  told: {
    readonly decision: string
    readonly handle: string
    readonly speaker: Subject | undefined
    readonly random: RandomBits
  },
): readonly string[] {
  const { decision, handle, speaker, random } = told
  const added: string[] = speaker === undefined ? [] : [...speaker.fields]
  added.push('Tokenward-Decision', decision, 'Tokenward-Handle', handle)
  const given = scan.traceparents.length === 1 ? scan.traceparents[0] : undefined
  const valid = given !== undefined && isTraceparent(given)
  // Receivers drop a `tracestate` that has no valid parent, so what came with a broken one is void.
  const rest = valid ? splitTracestate(scan.tracestate).rest : ''
  added.push('traceparent', valid ? plainTraceparent(given) : random.traceparent())
  added.push('tracestate', joinTracestate(handle, rest))
  return added
}

import type { Address } from '../http/address.ts'
import { choose, type Candidate } from '../policy/choose.ts'
import { matchesPublic, templateOf } from '../policy/match.ts'
import { canonicalPath } from '../policy/path.ts'
import { rowOf } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Wanted } from './authority-client.ts'
import type { Destinations } from './destinations.ts'
import { dropOutboundTrailer, scanFields, type Scan } from './fields.ts'
import type { Handles } from './handles.ts'
import type { RequestHead } from '../http/http1/message.ts'
import type { Dial, Handler, Verdict } from './forward/verdict.ts'
import { isLoopback } from './own-listeners.ts'
import type { Policy, PolicyState } from './policy-state.ts'
import type { DecisionFacts, DecisionRecord } from './record.ts'
import { splitAuthority, type PreparedRoute } from './routes.ts'
import type { Subject } from './subject.ts'
import { credentialsForStrangers, findSubject } from './subjects.ts'
import type { Tokens } from './tokens.ts'
import { splitTracestate } from './trace.ts'

/** How long an address of a pod is believed without a controller. */
const podAddressMs = 300_000

export interface OutboundOptions {
  readonly state: Pick<PolicyState, 'judging' | 'ageMs'>
  readonly handles: Pick<Handles, 'find'>
  readonly tokens: Pick<Tokens, 'cached' | 'fetch'>
  readonly destinations: Destinations
  readonly record: DecisionRecord
  readonly counts: OutboundCounts
  readonly newDecision: () => string
  readonly nowSeconds: () => number
  /** Route id that every request of this listener takes; absent: the request names its destination. */
  readonly route?: string
  /** What becomes of HTTP to a destination that no route has. */
  readonly unmatched: Unmatched
  /** Who else but loopback is of this pod: the app's own address, in a redirected connection. */
  readonly isOfPod?: (host: string) => boolean
}

export type Unmatched = 'pass' | 'deny'

export interface OutboundCounts {
  /** The app brought a credential of its own for a matched destination. */
  ownCredential: number
  /** A token for this workload was removed from a request to a stranger. */
  tokensKept: number
  unmatched: number
}

/** One request on its way out. */
interface Leaving {
  readonly head: RequestHead
  /** Where the app's connection was going; absent: the request says it. */
  readonly original: Address | undefined
  readonly scan: Scan
  readonly policy: Policy
  readonly facts: DecisionFacts
}

/** A call whose target and operation are known. */
interface Call extends Leaving {
  readonly route: PreparedRoute
  readonly path: string | null
  readonly to: Dial
}

/** A call that needs a token: whose, and which would do. */
interface Acting {
  readonly call: Call
  /** Undefined: the workload acts as itself, for the reason of `cause`. */
  readonly subject: Subject | undefined
  readonly cause: string | undefined
  readonly candidates: readonly Candidate[]
}

interface Sent {
  readonly to: Dial
  readonly path: string
  readonly credentials: readonly string[]
}

/** Judges what the app sends: route, subject, token (data-plane.md). Synchronous with a cached token. */
export function createOutbound(options: OutboundOptions): Handler {
  const { state, handles, tokens, destinations, record, counts, newDecision, nowSeconds } = options
  const { isOfPod = () => false } = options

  const judge = (leaving: Leaving): Verdict | Promise<Verdict> => {
    const { head, policy } = leaving
    if (options.route !== undefined) {
      const route = policy.routes.byId(options.route)
      if (route === undefined) throw new Refusal('no_rule')
      return judgeMatched(leaving, route, undefined)
    }
    const { original } = leaving
    const destination = original ?? splitAuthority(head.authority)
    if (destination === undefined) throw new Refusal('ambiguous_host')
    const routes = policy.routes.find(destination.host, destination.port)
    const route = routes.length > 1 ? chosenByHost(routes, head.authority) : routes[0]
    if (route !== undefined) return judgeMatched(leaving, route, destination)
    if (options.unmatched === 'deny') throw new Refusal('unmatched_denied')
    const credentials = credentialsForStrangers(leaving.scan.authorizations, policy)
    counts.unmatched += 1
    counts.tokensKept += credentials.removed
    const target = head.path + head.query
    // The app's own proxy wants the whole URL; we as its proxy take it apart.
    const isForProxy = original !== undefined && head.absolute && head.path !== '*'
    const path = isForProxy ? `http://${head.authority}${target}` : target
    const to = destinations.ofStranger(destination)
    const facts = { ...leaving.facts, cause: 'unmatched' }
    const sendTo = (address: Dial): Verdict =>
      forward({ ...leaving, facts }, { to: address, path, credentials: credentials.fields })
    return to instanceof Promise ? to.then(sendTo) : sendTo(to)
  }

  const judgeMatched = (
    leaving: Leaving,
    route: PreparedRoute,
    named: Address | undefined,
  ): Verdict | Promise<Verdict> => {
    const { head, scan, policy, facts } = leaving
    const path = canonicalPath(head.path)
    if (path === null && route.judgesPath) throw new Refusal('ambiguous_path')
    const call: Call = {
      ...leaving,
      route,
      path,
      to: destinations.ofRoute(route, named),
      facts: { ...facts, audience: route.route.audience },
    }
    if (matchesPublic(route.route.public, head.method, path)) {
      const credentials = credentialsForStrangers(scan.authorizations, policy)
      return send(call, { cause: 'public' }, credentials.fields)
    }
    const found = findSubject(scan, { policy, handles, nowSeconds: nowSeconds() })
    if (found.kind === 'own') {
      counts.ownCredential += 1
      return send(call, { cause: 'own_credential' }, [
        'Authorization',
        scan.authorizations[0] ?? '',
      ])
    }
    const subject = found.kind === 'subject' ? found.subject : undefined
    const choice = choose(route.route.rules, { method: head.method, path }, subject?.bearer)
    if (choice instanceof Refusal) throw choice
    const asSelf = choice.as === 'self'
    const acting: Acting = {
      call,
      subject: asSelf ? undefined : subject,
      cause: !asSelf ? undefined : found.kind === 'nobody' ? found.cause : 'forbidden',
      candidates: choice.candidates,
    }
    for (const candidate of choice.candidates) {
      const token = tokens.cached(wantedOf(acting, candidate))
      if (token !== undefined) return sendWith(acting, candidate, token)
    }
    return fetchAndSend(acting)
  }

  /** Asks for one candidate after the other; what the authority said of the first is reported. */
  const fetchAndSend = async (acting: Acting): Promise<Verdict> => {
    let first: Refusal | undefined
    for (const candidate of acting.candidates) {
      try {
        const token = await tokens.fetch(wantedOf(acting, candidate))
        return sendWith(acting, candidate, token)
      } catch (error) {
        if (!(error instanceof Refusal) || isAway(error)) throw error
        first ??= passedOn(error, candidate)
      }
    }
    throw first ?? new Refusal('no_rule')
  }

  const sendWith = (acting: Acting, candidate: Candidate, token: string): Verdict => {
    const { call, subject, cause } = acting
    const { policy, rule, operation } = candidate
    if (state.ageMs() > podAddressMs && isPodAddress(call)) {
      throw new Refusal('policy_stale', { retryAfterSeconds: 10 })
    }
    const facts: Partial<DecisionFacts> = record.writesAllowed
      ? {
          subject,
          cause,
          policy,
          rule,
          scopes: operation.scopes,
          template: templateOf(operation, call.head.method, call.path) ?? '',
        }
      : {}
    return send(call, facts, ['Authorization', `Bearer ${token}`])
  }

  const send = (
    call: Call,
    more: Partial<DecisionFacts>,
    credentials: readonly string[],
  ): Verdict => {
    const path = (call.path ?? call.head.path) + call.head.query
    const facts = { ...call.facts, ...more }
    return forward({ ...call, facts }, { to: call.to, path, credentials })
  }

  const forward = (leaving: Leaving, sent: Sent): Verdict => {
    const { scan, facts } = leaving
    record.allowed(facts)
    const { rest } = splitTracestate(scan.tracestate)
    return {
      kind: 'forward',
      to: sent.to,
      path: sent.path,
      fields: scan.kept,
      added: rest === '' ? sent.credentials : [...sent.credentials, 'tracestate', rest],
      decision: facts.decision,
      dropTrailer: dropOutboundTrailer,
    }
  }

  return (head, { remoteAddress, listener, destination }) => {
    const scan = scanFields(head.fields, 'outbound')
    const facts: DecisionFacts = {
      decision: newDecision(),
      method: head.method,
      listener,
      traceparent: scan.traceparents[0],
    }
    const refused = (error: unknown): Verdict => {
      if (error instanceof Refusal) return record.refuse(error, facts)
      throw error
    }
    try {
      if (!isLoopback(remoteAddress) && !isOfPod(remoteAddress)) throw new Refusal('peer_not_local')
      const policy = state.judging()
      const verdict = judge({ head, original: destination, scan, policy, facts })
      return verdict instanceof Promise ? verdict.catch(refused) : verdict
    } catch (error) {
      return refused(error)
    }
  }
}

/** Several targets share an address: `Host` names one of them, or the call is refused. */
function chosenByHost(routes: readonly PreparedRoute[], authority: string): PreparedRoute {
  const named = splitAuthority(authority)
  if (named === undefined) throw new Refusal('ambiguous_target')
  const { host, port } = named
  const exact = routes.filter(({ names }) => names.includes(`${host}:${port}`))
  const found = exact.length > 0 ? exact : routes.filter(({ route }) => route.hosts.includes(host))
  const [route, another] = found
  if (route === undefined || another !== undefined) throw new Refusal('ambiguous_target')
  return route
}

/** An address of one pod, that may have a new owner by the time it is dialled. */
function isPodAddress({ route, to }: Call): boolean {
  return route.pods.some(({ host, port }) => host === to.host && port === to.port)
}

function wantedOf({ call, subject }: Acting, { operation }: Candidate): Wanted {
  return { subject, audience: call.route.route.audience, scopes: operation.scopes }
}

/** Not the authority's word on this call, but that it cannot say one now. */
function isAway({ reason }: Refusal): boolean {
  const { status } = rowOf(reason)
  return status >= 500 || status === 429
}

/** What the authority refused is a 403 here, with its reason. */
function passedOn(refusal: Refusal, { policy, rule }: Candidate): Refusal {
  return new Refusal(
    refusal.reason,
    { ...refusal.facts, status: 403, policy, rule, hint: 'The authority issued no token for it.' },
    refusal.cause,
  )
}

import type { Reason } from '../refusal/reasons.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { TargetPort } from './bind.ts'
import type { Compiled } from './compile.ts'
import { portPolicyOf } from './compile-rules.ts'
import { routeOf } from './compile-routes.ts'
import { choose } from './choose.ts'
import { decide, type Decision } from './decide.ts'
import {
  bearerOf,
  explainOperation,
  explainRule,
  issueFor,
  type Call,
  type OperationExplanation,
  type RuleExplanation,
} from './explain-rule.ts'
import { decideIssue, type IssueSubject } from './issue.ts'
import { judgesPath, matchesPublic, matchRules } from './match.ts'
import { canonicalPath } from './path.ts'
import { identityOf, type World } from './world.ts'

export interface ExplainQuestion {
  /** The calling ServiceAccount. */
  readonly from: { readonly namespace: string; readonly name: string }
  /** The Service, and one port by name or number; omitted: every port. */
  readonly to: { readonly namespace: string; readonly name: string; readonly port?: string }
  readonly method: string
  /** As it would be sent; a query is left aside. */
  readonly path: string
  /** On whose behalf; `scopes` omitted: whatever the rules ask of the user's token. */
  readonly subject?: {
    /** Name of a TrustedIssuer. */
    readonly issuer: string
    readonly id: string
    readonly scopes?: readonly string[]
  }
}

export interface Explanation {
  readonly caller: { readonly identity: string; readonly exists: boolean }
  /** Prefixed, as targets see it. */
  readonly subject?: string
  /** Canonical; null where it can be read in more than one way. */
  readonly path: string | null
  readonly ports: readonly PortExplanation[]
  /** What the answers alone would not show. */
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

export interface PortExplanation {
  /** `namespace/service:port`. */
  readonly id: string
  readonly portName: string
  readonly audience: string
  readonly allowed: boolean
  /** No token is needed. */
  readonly public: boolean
  readonly reason?: Reason
  /** Who refuses: the caller's own sidecar, the authority or the target. */
  readonly refusedBy?: 'caller' | 'authority' | 'target'
  /** The rule that allows, or that came nearest; empty where none did. */
  readonly policy: string
  readonly rule: string
  /** What the authority would issue. */
  readonly token?: {
    readonly policy: string
    readonly rule: string
    readonly subject: string
    readonly actors: readonly string[]
    readonly scopes: readonly string[]
    readonly lifetimeSeconds: number
  }
  readonly rules: readonly RuleExplanation[]
  readonly publicOperations: readonly (OperationExplanation & { readonly policy: string })[]
}

/**
 * What would become of one call, rule by rule: the same choose, decideIssue and decide as in caller,
 * authority and target. `compiled` is of that world.
 */
export function explain(world: World, compiled: Compiled, question: ExplainQuestion): Explanation {
  const { from, to } = question
  const identity = identityOf(world.trustDomain, from.namespace, from.name)
  const account = world.serviceAccounts.find(
    ({ metadata }) => metadata.namespace === from.namespace && metadata.name === from.name,
  )
  const path = canonicalPath(question.path.split('?', 1)[0] ?? '')
  const notes: string[] = []
  if (account === undefined) notes.push(`there is no ServiceAccount ${from.namespace}/${from.name}`)
  const targets = [...compiled.targets.values()].filter(({ service, port }) => {
    const { namespace, name } = service.metadata
    const chosen = to.port === undefined || to.port === port.name || to.port === `${port.port}`
    return namespace === to.namespace && name === to.name && chosen
  })
  if (targets.length === 0) {
    notes.push(`no accepted AccessPolicy targets it: everything is refused (no_policy)`)
  }
  notes.push(...refusedPolicies(compiled, world, to))
  for (const { id, rules } of targets) {
    if (rules.some(({ inbound }) => Object.hasOwn(inbound.callers, identity))) continue
    notes.push(`no rule of ${id} names ${identity}: its sidecar has no route and adds no token`)
  }
  const subject = subjectOf(question, compiled, targets)
  if (subject && question.subject?.scopes === undefined && subject.scopes.length > 0) {
    notes.push(`takes it that the user's token carries ${subject.scopes.join(' ')}`)
  }
  if (subject === null) notes.push(`TrustedIssuer ${question.subject?.issuer} is not trusted`)
  const call: Call = {
    client: identity,
    clientUid: account?.metadata.uid ?? '',
    method: question.method,
    path,
    subject: subject ?? undefined,
  }
  return {
    caller: { identity, exists: account !== undefined },
    ...(subject ? { subject: subject.subject } : {}),
    path,
    ports: targets.map((target) => {
      const port = explainPort(target, call, compiled)
      // Evidence of a subject that does not verify is a refusal, never a fall-back (architecture.md).
      return subject === null && !port.public ? refusedHere(port, 'subject_invalid') : port
    }),
    notes,
    warnings: targets.flatMap((target) => warningsOn(target, call, { world, compiled })),
  }
}

function refusedHere(port: PortExplanation, reason: Reason): PortExplanation {
  const { id, portName, audience, rules, publicOperations } = port
  return { id, portName, audience, rules, publicOperations, ...refused(reason, 'caller') }
}

function refusedPolicies(compiled: Compiled, world: World, to: ExplainQuestion['to']): string[] {
  return compiled.verdicts.flatMap(({ kind, namespace, name, conditions }) => {
    const accepted = conditions.find(({ type }) => type === 'Accepted')
    if (kind !== 'AccessPolicy' || namespace !== to.namespace || accepted?.status === 'True')
      return []
    const policy = world.policies.find(
      ({ metadata }) => metadata.namespace === namespace && metadata.name === name,
    )
    if (!JSON.stringify(policy?.spec.targetRefs ?? []).includes(JSON.stringify(to.name))) return []
    return [`AccessPolicy ${namespace}/${name} allows nothing: ${accepted?.message ?? ''}`]
  })
}

/** Null: the issuer is not trusted, so the subject would not verify. */
function subjectOf(
  { subject, from }: ExplainQuestion,
  compiled: Compiled,
  targets: readonly TargetPort[],
): IssueSubject | null | undefined {
  if (subject === undefined) return undefined
  const trust = compiled.authority.issuers.issuers.find(({ name }) => name === subject.issuer)
  if (trust === undefined) return null
  const edges = targets.flatMap(({ rules }) => rules.flatMap((rule) => rule.edges))
  return {
    origin: 'authority',
    subject: trust.subjectPrefix + subject.id,
    subjectIssuer: trust.name,
    client: `the caller of ${from.name}`,
    actors: [],
    scopes: subject.scopes ?? [...new Set(edges.flatMap(({ subjectScopes }) => subjectScopes))],
    subjectScopes: [],
    audiences: [],
  }
}

function explainPort(target: TargetPort, call: Call, compiled: Compiled): PortExplanation {
  const trusts = new Map(compiled.authority.issuers.issuers.map((trust) => [trust.name, trust]))
  const port = portPolicyOf([target], trusts)
  const rules = target.rules.map((rule) => explainRule(target, rule, call))
  const count = new Map<string, number>()
  const publicOperations = target.public.map((row) => {
    const policy = row.policy ?? ''
    const index = count.get(policy) ?? 0
    count.set(policy, index + 1)
    return { policy, ...explainOperation(row, `spec.public[${index}]`, call) }
  })
  const { id, audience } = target
  const base = { id, portName: target.port.name, audience, rules, publicOperations }
  if (call.path === null && judgesPath(port)) {
    return { ...base, ...refused('ambiguous_path', 'caller') }
  }
  const route = routeOf(target, call.client, '')
  const named = call.clientUid !== '' && route.rules.length > 0
  if (!named || matchesPublic(route.public, call.method, call.path)) {
    // No route, or no need: the call goes without a token.
    return { ...base, ...answer(decide(port, call, undefined)) }
  }
  const choice = choose(route.rules, call, call.subject)
  if (choice instanceof Refusal) {
    return { ...base, ...refused(choice.reason, 'caller', choice.facts) }
  }
  // The authority knows audiences, not ports: every edge to this audience counts there.
  const edges = compiled.authority.edges.edges.filter((edge) => edge.audience === audience)
  const subject = choice.as === 'self' ? undefined : call.subject
  let first: Refusal | undefined
  for (const { operation } of choice.candidates) {
    const grant = issueFor(call, subject, { edges, asked: operation.scopes })
    if (grant instanceof Refusal) {
      first ??= grant
      continue
    }
    const bearer = bearerOf(grant, subject, { call, target })
    const token = {
      policy: grant.edge.policy,
      rule: grant.edge.rule,
      subject: bearer.subject,
      actors: grant.actors,
      scopes: grant.scopes,
      lifetimeSeconds: grant.lifetimeSeconds,
    }
    return { ...base, token, ...answer(decide(port, call, bearer)) }
  }
  return { ...base, ...refused(first?.reason ?? 'no_rule', 'authority', first?.facts) }
}

type Answer = Pick<
  PortExplanation,
  'allowed' | 'public' | 'reason' | 'refusedBy' | 'policy' | 'rule'
>

function answer(decision: Decision): Answer {
  if (decision.kind === 'deny') {
    return refused(decision.refusal.reason, 'target', decision.refusal.facts)
  }
  const { policy, rule } = decision
  return { allowed: true, public: decision.public, policy, rule }
}

function refused(
  reason: Reason,
  refusedBy: 'caller' | 'authority' | 'target',
  facts: { readonly policy?: string; readonly rule?: string } = {},
): Answer {
  const { policy = '', rule = '' } = facts
  return { allowed: false, public: false, reason, refusedBy, policy, rule }
}

/** A caller that serves users and may also act as itself may lose on whose behalf it calls. */
function warningsOn(
  target: TargetPort,
  call: Call,
  { world, compiled }: { readonly world: World; readonly compiled: Compiled },
): string[] {
  if (!servesUsers(call.client, world, compiled)) return []
  return target.rules.flatMap(({ inbound, edges }) => {
    const own = edges.filter((edge) => edge.client === call.client)
    const asItself = decideIssue({ edges: own, client: call.client })
    const covers = matchRules([inbound], call.method, call.path).length > 0
    if (!covers || asItself instanceof Refusal || inbound.delegation !== 'Allowed') return []
    return [
      `${inbound.policy} rule ${inbound.rule}: ${call.client} serves users and may also call as itself (delegation: Allowed)`,
    ]
  })
}

function servesUsers(identity: string, world: World, compiled: Compiled): boolean {
  return world.pods.some(({ metadata, spec }) => {
    if (identityOf(world.trustDomain, metadata.namespace, spec.serviceAccountName) !== identity) {
      return false
    }
    const ports = compiled.sidecars.get(metadata.uid)?.rules.ports ?? {}
    return Object.values(ports).some(({ rules }) =>
      rules.some(
        ({ issuers, callers, delegation }) =>
          issuers.length > 0 || (delegation !== 'Forbidden' && Object.keys(callers).length > 0),
      ),
    )
  })
}

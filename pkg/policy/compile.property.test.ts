import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { identity } from '../../test/support/world.ts'
import { issuerNames, names, namespaces, scopes, worlds } from '../../test/support/worlds.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Bearer } from '../token/claims.ts'
import { compile } from './compile.ts'
import { decide } from './decide.ts'
import { decideIssue, type IssueSubject } from './issue.ts'
import type { World } from './world.ts'
import type { PortPolicy, RulesSection } from './workload-policy.ts'

const settings = { numRuns: 300 }

/** Everything that is enforced, in one text. */
const enforced = (world: World): string => {
  const { sidecars, authority } = compile(world)
  return JSON.stringify([[...sidecars], authority])
}

const shuffled = (world: World): fc.Arbitrary<World> => {
  const shuffle = <T>(list: readonly T[]): fc.Arbitrary<T[]> =>
    fc.shuffledSubarray([...list], { minLength: list.length })
  return fc
    .record({
      serviceAccounts: shuffle(world.serviceAccounts),
      services: shuffle(world.services),
      pods: shuffle(world.pods),
      policies: shuffle(world.policies),
      issuers: shuffle(world.issuers),
    })
    .map((lists) => ({ ...world, ...lists }))
}

const portsOf = (world: World): [string, PortPolicy][] =>
  [...compile(world).sidecars].flatMap(([uid, { rules }]) =>
    Object.entries(rules.ports).map(([port, policy]): [string, PortPolicy] => [
      `${uid}:${port}`,
      policy,
    ]),
  )

/** A world with one of its policies. */
const withPolicy = worlds
  .filter(({ policies }) => policies.length > 0)
  .chain((world) =>
    fc.record({ world: fc.constant(world), policy: fc.constantFrom(...world.policies) }),
  )

describe('compile', () => {
  it('does not depend on the order of resources', () => {
    const pairs = worlds.chain((world) => fc.tuple(fc.constant(world), shuffled(world)))
    fc.assert(
      fc.property(pairs, ([world, other]) => {
        expect(enforced(other)).toBe(enforced(world))
        expect(compile(other).verdicts).toEqual(compile(world).verdicts)
      }),
      settings,
    )
  })

  it('keeps no trace of a policy that is removed, and changes nothing else', () => {
    fc.assert(
      fc.property(withPolicy, ({ world, policy }) => {
        const { namespace, name } = policy.metadata
        const id = `${namespace}/${name}`
        const without = { ...world, policies: world.policies.filter((one) => one !== policy) }
        expect(enforced(without)).not.toContain(JSON.stringify(id))
        const after = new Map(portsOf(without))
        for (const [port, before] of portsOf(world)) {
          const rules = before.rules.filter((rule) => rule.policy !== id)
          const open = before.public.filter((row) => row.policy !== id)
          expect(after.get(port)?.rules ?? []).toEqual(rules)
          expect(after.get(port)?.public ?? []).toEqual(open)
        }
        const { authority } = compile(world)
        const edges = authority.edges.edges.filter((edge) => edge.policy !== id)
        expect(compile(without).authority.edges.edges).toEqual(edges)
      }),
      settings,
    )
  })

  it('lets a policy that is not accepted change nothing', () => {
    let refused = 0
    fc.assert(
      fc.property(withPolicy, ({ world, policy }) => {
        const verdict = compile(world).verdicts.find(({ uid }) => uid === policy.metadata.uid)
        fc.pre(verdict?.conditions[0]?.status === 'False')
        refused += 1
        const without = { ...world, policies: world.policies.filter((one) => one !== policy) }
        expect(enforced(world)).toBe(enforced(without))
      }),
      settings,
    )
    expect(refused).toBeGreaterThan(20)
  })

  it('lets no resource of one namespace change what targets of another accept', () => {
    const of = (world: World, namespace: string): [string, RulesSection][] => {
      const { sidecars } = compile(world)
      const uids = world.pods.filter((pod) => pod.metadata.namespace === namespace)
      return uids.flatMap(({ metadata: { uid } }): [string, RulesSection][] => {
        const section = sidecars.get(uid)?.rules
        return section === undefined ? [] : [[uid, section]]
      })
    }
    fc.assert(
      fc.property(worlds, worlds, fc.constantFrom(...namespaces), (world, other, namespace) => {
        // Everything elsewhere is another; ServiceAccounts are what a rule itself names, with UID.
        const mix = <T extends { readonly metadata: { readonly namespace: string } }>(
          own: readonly T[],
          others: readonly T[],
        ): T[] => [
          ...own.filter(({ metadata }) => metadata.namespace === namespace),
          ...others.filter(({ metadata }) => metadata.namespace !== namespace),
        ]
        const mixed: World = {
          ...world,
          services: mix(world.services, other.services),
          pods: mix(world.pods, other.pods),
          policies: mix(world.policies, other.policies),
        }
        expect(of(mixed, namespace)).toEqual(of(world, namespace))
      }),
      settings,
    )
  })
})

/** Picks one of a list by a number that does not know how long it is. */
const pick = <T>(list: readonly T[], index: number): T | undefined => list[index % list.length]

const identities = fc
  .tuple(fc.constantFrom(...namespaces), fc.constantFrom(...names))
  .map(([namespace, name]) => identity(name, namespace))

/** A request with a token of ours of any shape, mostly one that a rule of the port could take. */
const picks = fc.record({
  port: fc.nat({ max: 999 }),
  rule: fc.nat({ max: 999 }),
  caller: fc.nat({ max: 999 }),
  others: fc.array(identities, { maxLength: 5 }),
  delegated: fc.boolean(),
  subject: fc.oneof(
    fc.constantFrom(...issuerNames).map((name) => [`${name}:alice`, name] as const),
    identities.map((id) => [id, ''] as const),
  ),
  scopes: fc.uniqueArray(fc.constantFrom(...scopes), { minLength: 1 }),
  subjectScopes: fc.subarray([...scopes]),
  method: fc.constantFrom('GET', 'POST'),
  path: fc.constantFrom('/', '/c', '/c/', '/c/1', '/c/1/x', '/d', null),
})

type Pick = typeof picks extends fc.Arbitrary<infer T> ? T : never

interface Call {
  readonly port: PortPolicy
  readonly bearer: Bearer
  readonly request: { readonly method: string; readonly path: string | null }
}

const callOf = (ports: readonly PortPolicy[], chosen: Pick): Call | undefined => {
  const port = pick(ports, chosen.port)
  const rule = pick(
    port?.rules.filter((rule) => Object.keys(rule.callers).length > 0) ?? [],
    chosen.rule,
  )
  const [client, clientUid] = pick(Object.entries(rule?.callers ?? {}), chosen.caller) ?? []
  if (port === undefined || rule === undefined) return undefined
  if (client === undefined || clientUid === undefined) return undefined
  const { delegated, subject, others, method, path } = chosen
  const bearer: Bearer = {
    origin: 'authority',
    issuerName: '',
    audiences: [rule.audience],
    subject: delegated ? subject[0] : client,
    subjectIssuer: delegated ? subject[1] : '',
    client,
    clientUid,
    actors: delegated ? [client, ...others] : [],
    scopes: chosen.scopes,
    subjectScopes: chosen.subjectScopes,
    groups: [],
    issuedAtSeconds: 0,
    notBeforeSeconds: 0,
    expiresAtSeconds: 300,
    id: 'id',
    hash: 'hash',
    claims: {},
  }
  return { port, bearer, request: { method, path } }
}

const calls = fc.tuple(worlds, fc.array(picks, { minLength: 20, maxLength: 40 }))

const callsIn = (world: World, chosen: readonly Pick[]): Call[] => {
  const ports = portsOf(world)
    .map(([, port]) => port)
    .filter(({ rules }) => rules.some((rule) => Object.keys(rule.callers).length > 0))
  return chosen.flatMap((one) => callOf(ports, one) ?? [])
}

describe('decide', () => {
  it('allows with a token of ours only what the authority would have issued', () => {
    let allowed = 0
    fc.assert(
      fc.property(calls, ([world, chosen]) => {
        const { edges } = compile(world).authority.edges
        for (const { port, bearer, request } of callsIn(world, chosen)) {
          const decision = decide(port, request, bearer)
          if (decision.kind !== 'allow' || decision.public) continue
          allowed += 1
          const { client, clientUid, actors } = bearer
          const subject: IssueSubject = {
            ...bearer,
            client: actors[1] ?? '',
            actors: actors.slice(1),
            audiences: ['the target of the client'],
            scopes: bearer.subjectScopes,
          }
          const outcome = decideIssue({
            edges: edges.filter(
              (edge) =>
                edge.client === client &&
                edge.clientUid === clientUid &&
                bearer.audiences.includes(edge.audience),
            ),
            client,
            subject: actors.length === 0 ? undefined : subject,
            asked: decision.scopes,
          })
          if (outcome instanceof Refusal) throw outcome
          expect(outcome.actors).toEqual(actors)
        }
      }),
      settings,
    )
    expect(allowed).toBeGreaterThan(60)
  })

  it('never takes a rule that needs an unknown feature', () => {
    let narrowed = 0
    fc.assert(
      fc.property(calls, fc.array(fc.boolean(), { minLength: 32 }), ([world, chosen], needy) => {
        for (const { port, bearer, request } of callsIn(world, chosen)) {
          const marked = port.rules.map((rule, i) =>
            needy[i] ? { ...rule, needs: ['telepathy'] } : rule,
          )
          const kept = port.rules.filter((_, i) => !needy[i])
          const decision = decide({ ...port, rules: marked }, request, bearer)
          const without = decide({ ...port, rules: kept }, request, bearer)
          expect(decision.kind).toBe(without.kind)
          if (decision.kind === 'allow') expect(decision).toEqual(without)
          else if (decide(port, request, bearer).kind === 'allow') narrowed += 1
        }
      }),
      settings,
    )
    expect(narrowed).toBeGreaterThan(20)
  })
})

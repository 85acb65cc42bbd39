/** In made-up worlds: whatever the authority grants, the target of that edge lets pass. */
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { compile } from '../../pkg/policy/compile.ts'
import { decide } from '../../pkg/policy/decide.ts'
import { createVerifier } from '../../pkg/token/verify.ts'
import { authorityKey, corpKey, startAuthority } from '../support/authority.ts'
import { audience, identity } from '../support/world.ts'
import { issuerNames, names, namespaces, scopes, worlds } from '../support/worlds.ts'

const authority = await startAuthority()
const now = authority.clock.nowSeconds
afterAll(() => authority.close())
authority.keySource.keys = [corpKey.publicJwk]

const place = fc.record({
  namespace: fc.constantFrom(...namespaces),
  name: fc.constantFrom(...names),
})
const questions = fc.record({
  world: worlds,
  edge: fc.nat({ max: 20 }),
  strange: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  target: place,
  previous: place,
  subject: fc.constantFrom('itself', 'workload', 'user', 'token of an issuer'),
  issuer: fc.constantFrom(...issuerNames),
  held: fc.subarray([...scopes]),
  asked: fc.option(fc.subarray([...scopes]), { nil: undefined }),
})

test('whatever is granted is allowed at the target, for some operation, until it ends', async () => {
  let granted = 0
  await fc.assert(
    fc.asyncProperty(questions, async ({ world, ...question }) => {
      const sections = authority.sectionsOf(world)
      authority.state.apply(sections)
      authority.clock.monotonicMs += 1000
      const { edges } = sections.edges
      const edge = edges[question.edge % Math.max(1, edges.length)]
      // Mostly a client that has an edge; whoever there is where nobody has.
      const everyone = Object.entries(sections.workloads)
      const able = everyone.filter(([, { identity }]) => identity === edge?.client)
      const clients = able.length > 0 ? able : everyone
      const [podUid, workload] = clients[question.edge % Math.max(1, clients.length)] ?? []
      fc.pre(podUid !== undefined && workload !== undefined)
      const { name, namespace: at } = question.target
      // A token that nobody may present ends every question early: mostly there is a better one.
      const kind = workload.audiences.length > 0 ? question.subject : 'itself'
      const trusted = sections.issuers.issuers.map(({ name }) => name)
      const issuer = trusted.includes(question.issuer) ? question.issuer : trusted[0]
      const asked = question.strange || edge === undefined ? audience(name, at) : edge.audience
      const { namespace, pod, serviceAccount, serviceAccountUid } = workload
      const client_assertion = authority.assertion(serviceAccount, {
        ...{ namespace, pod, podUid, serviceAccountUid },
      })
      const form = {
        client_assertion,
        audience: asked,
        scope: question.asked?.join(' '),
      }
      const previous = identity(question.previous.name, question.previous.namespace)
      const user = { sub: 'corp:alice', sub_iss: issuer ?? question.issuer, act: { sub: previous } }
      const itself = { sub: previous, sub_iss: undefined, act: undefined }
      const subject_token =
        kind === 'token of an issuer'
          ? authority.corpToken({ iss: `https://${issuer ?? question.issuer}.example` })
          : authority.ownToken({
              aud: workload.audiences[0] ?? 'none',
              client_id: previous,
              scope: question.held.length === 0 ? undefined : question.held.join(' '),
              ...(kind === 'user' ? user : itself),
            })
      const answer =
        kind === 'itself'
          ? await authority.credentials('web', 'orders', form)
          : await authority.exchange('web', 'orders', {
              ...form,
              subject_token,
              subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
            })
      expect(answer.status).toBeOneOf([200, 400])
      if (answer.status !== 200) return
      granted += 1

      const verifier = createVerifier({
        authority: { issuer: authority.issuer, keys: [authorityKey.publicJwk] },
        issuers: [],
      })
      const bearer = verifier.verify(String(answer.body['access_token']), now)
      expect(bearer.expiresAtSeconds - now).toBe(answer.body['expires_in'])
      const ports = [...compile(world).sidecars.values()].flatMap(({ rules }) =>
        rules.audiences.includes(asked) ? Object.values(rules.ports) : [],
      )
      const rule = String(bearer.claims['rule'])
      const judging = ports.filter(({ rules }) =>
        rules.some((one) => `${one.policy}/${one.rule}` === rule && one.audience === asked),
      )
      // A target that selects no pod has nobody to judge.
      if (judging.length === 0) return
      for (const port of judging) {
        const outcomes = ['GET', 'POST', 'PUT'].flatMap((method) =>
          ['/', '/c', '/c/', '/c/1', '/c/1/x', '/z'].map((path) => {
            const decision = decide(port, { method, path }, bearer)
            return decision.kind === 'allow' ? 'allow' : decision.refusal.reason
          }),
        )
        // Less than the edge's scopes may be too little for every operation: as asked, or as narrowed.
        expect(
          outcomes.includes('allow') || outcomes.includes('insufficient_scope'),
          JSON.stringify({ rule, outcomes: [...new Set(outcomes)], claims: bearer.claims }),
        ).toBe(true)
        const all = question.asked === undefined && !workload.audiences.includes(asked)
        if (all) expect(outcomes).toContain('allow')
      }
    }),
    { numRuns: 800 },
  )
  // Else the property says nothing.
  expect(granted).toBeGreaterThan(3)
})

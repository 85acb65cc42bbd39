/** Limits per client and address, and the audit line of each decision. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { claimsOf, startAuthority, type TestAuthority } from '../support/authority.ts'
import { audience, identity } from '../support/world.ts'

let authority: TestAuthority
beforeEach(async () => {
  authority = await startAuthority()
})
afterEach(() => authority.close())

test('a client beyond its rate is 429 and told when; others and later are served', async () => {
  const ask = (client: string, target: string) => authority.credentials(client, target)
  const assertion = authority.assertion('web')
  const many = { client_assertion: assertion, audience: 'x' }
  for (let sent = 0; sent < 1000; sent += 100) {
    const batch = Array.from({ length: 100 }, () => authority.credentials('web', 'orders', many))
    for (const { status } of await Promise.all(batch)) expect(status).toBe(400)
  }
  const refused = await ask('web', 'orders')
  expect(refused).toMatchObject({ status: 429, body: { reason: 'rate_limited' } })
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await ask('orders', 'payments')).toMatchObject({ status: 400 })
  authority.clock.monotonicMs += 1000
  expect(await ask('web', 'orders')).toMatchObject({ status: 200 })
})

test('who guesses is held up; a client that is known is not', async () => {
  expect(await authority.credentials('web', 'orders')).toMatchObject({ status: 200 })
  const known = authority.assertion('web')
  const ask = (assertion: string) =>
    authority.credentials('web', 'orders', { client_assertion: assertion })
  expect(await ask(known)).toMatchObject({ status: 200 })
  for (let tries = 0; tries < 100; tries += 1)
    expect((await ask(`no.${tries}.no`)).status).toBe(401)
  expect(await ask('no.more.no')).toMatchObject({ status: 429, body: { reason: 'rate_limited' } })
  expect(await ask(known)).toMatchObject({ status: 200 })
  authority.clock.monotonicMs += 1000
  expect(await ask('no.again.no')).toMatchObject({ status: 401 })
})

const aliceHash = createHash('sha256').update('corp:alice').digest('base64url').slice(0, 22)

test('what is granted is one line, with the id of the token', async () => {
  const subject_token = authority.ownToken()
  const answer = await authority.exchange('orders', 'payments', { subject_token })
  expect(authority.audits).toEqual([
    {
      decision: claimsOf(answer)['jti'],
      verdict: 'allow',
      grant: 'urn:ietf:params:oauth:grant-type:token-exchange',
      client: identity('orders'),
      pod: 'orders-0',
      subject: aliceHash,
      subjectToken: 'own-token',
      actors: [identity('orders'), identity('web')],
      audience: audience('payments'),
      scope: 'charges:read charges:write',
      policy: 'shop/payments',
      rule: 'orders-charges',
      lifetimeSeconds: 120,
    },
  ])
})

test('what is refused is one line, with what was known by then', async () => {
  await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken({ scope: 'orders:read' }),
  })
  await authority.credentials('web', 'orders', { client_assertion: 'a.b.c' })
  await authority.credentials('web', 'orders', { audience: 'ey.secret.token' })
  expect(authority.audits).toMatchObject([
    {
      verdict: 'deny',
      reason: 'subject_scope',
      client: identity('orders'),
      subject: aliceHash,
      audience: audience('payments'),
      policy: 'shop/payments',
      rule: 'orders-charges',
    },
    { verdict: 'deny', reason: 'client_assertion', cause: 'token_malformed' },
    { verdict: 'deny', reason: 'invalid_target', audience: 'unknown' },
  ])
  const ids = new Set(authority.audits.map(({ decision }) => decision))
  expect(ids.size).toBe(3)
})

test('no token and no user is in any line', async () => {
  const subject = authority.ownToken()
  const answers = [
    await authority.exchange('orders', 'payments', { subject_token: subject }),
    await authority.exchange('web', 'orders', { subject_token: authority.corpToken() }),
    await authority.exchange('web', 'orders', { audience: subject, scope: authority.corpToken() }),
  ]
  const written = JSON.stringify(authority.audits) + authority.logs.join('')
  expect(written).not.toMatch(/eyJ|alice/)
  expect(JSON.stringify(answers.slice(1))).not.toMatch(/eyJ|alice/)
})

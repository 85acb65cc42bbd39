// RFC 8693 4.1: the "act" claim "identifies the acting party to whom authority has been delegated"; "A
// chain of delegation can be expressed by nesting one "act" claim within another. The outermost "act"
// claim represents the current actor"; claims such as "exp", "nbf", and "aud" are not used in it.
import { afterAll, expect, test } from 'vitest'
import { claimsOf, startAuthority } from '../../support/authority.ts'
import { identity } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('the client is the actor, and the user stays the subject', async () => {
  const answer = await authority.exchange('web', 'orders', {
    subject_token: authority.corpToken(),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })
  expect(claimsOf(answer)).toMatchObject({
    sub: 'corp:alice',
    sub_iss: 'corp',
    client_id: identity('web'),
    client_uid: 'sa-shop-web',
  })
  expect(claimsOf(answer)['act']).toEqual({ sub: identity('web') })
})

test('the older actor nests inside', async () => {
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(),
  })
  expect(claimsOf(answer)['act']).toEqual({
    sub: identity('orders'),
    act: { sub: identity('web') },
  })
})

test('members of an actor that are no identity stay behind', async () => {
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken({
      act: { sub: identity('web'), exp: 1, aud: 'x', role: 'y' },
    }),
  })
  expect(claimsOf(answer)['act']).toEqual({
    sub: identity('orders'),
    act: { sub: identity('web') },
  })
})

test('a client that acts as itself has no actor', async () => {
  const claims = claimsOf(await authority.credentials('web', 'orders'))
  expect(claims).toMatchObject({ sub: identity('web'), client_id: identity('web') })
  expect(claims).not.toHaveProperty('act')
  expect(claims).not.toHaveProperty('sub_iss')
})

test('a chain longer than the rule allows is refused', async () => {
  const act = { sub: 'a', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd' } } } }
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken({ act }),
  })
  expect(answer).toMatchObject({ status: 400, body: { reason: 'actor_chain_too_long' } })
})

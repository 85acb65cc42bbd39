// RFC 8693 2.1: "actor_token_type ... REQUIRED when the actor_token parameter is present in the
// request but MUST NOT be included otherwise." Actor tokens are refused as yet, never dropped.
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

const type = 'urn:ietf:params:oauth:token-type:jwt'

test.each([
  ['a type without a token', { actor_token_type: type }, 'invalid_request'],
  ['a type with an empty token', { actor_token: '', actor_token_type: type }, 'invalid_request'],
  ['a token without a type', { actor_token: 'x' }, 'actor_token_unsupported'],
  ['a token and its type', { actor_token: 'x', actor_token_type: type }, 'actor_token_unsupported'],
])('%s is refused', async (_, change, reason) => {
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(),
    ...change,
  })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request', reason } })
})

test("the workload's own assertion as actor token is refused as well", async () => {
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(),
    actor_token: authority.assertion('orders'),
    actor_token_type: type,
  })
  expect(answer).toMatchObject({ status: 400, body: { reason: 'actor_token_unsupported' } })
})

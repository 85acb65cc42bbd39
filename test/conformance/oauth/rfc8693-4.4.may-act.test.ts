// RFC 8693 4.4: "The may_act claim makes a statement that one party is authorized to become the actor".
// Nothing enforces it yet, so a subject token that has it is refused, not treated as if it had not.
// The same goes for cnf (RFC 7800), which binds the token to a key.
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'
import { identity } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())
const jwt = 'urn:ietf:params:oauth:token-type:jwt'

test.each([
  ['may_act that names the client', { may_act: { sub: identity('orders') } }],
  ['may_act that names another', { may_act: { sub: identity('web') } }],
  ['may_act that is null', { may_act: null }],
  ['cnf', { cnf: { 'x5t#S256': 'x' } }],
  ['an empty cnf', { cnf: {} }],
])('%s is refused', async (_, change) => {
  const ours = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(change),
  })
  const corps = await authority.exchange('web', 'orders', {
    subject_token: authority.corpToken(change),
    subject_token_type: jwt,
  })
  for (const answer of [ours, corps]) {
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  }
})

test('without them both are taken', async () => {
  const subject = { subject_token: authority.corpToken(), subject_token_type: jwt }
  expect(await authority.exchange('web', 'orders', subject)).toMatchObject({ status: 200 })
})

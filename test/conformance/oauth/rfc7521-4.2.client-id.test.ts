// RFC 7521 4.2: "The client_id parameter is unnecessary for client assertion authentication because
// the client is identified by the subject within the assertion. If present, the value of the client_id
// parameter MUST identify the same client as is identified by the client assertion."
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'
import { identity } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('the same client is accepted', async () => {
  const answer = await authority.credentials('web', 'orders', { client_id: identity('web') })
  expect(answer).toMatchObject({ status: 200 })
})

test.each([identity('orders'), 'web', 'system:serviceaccount:shop:web', `${identity('web')}/`])(
  '%s is invalid_client',
  async (client) => {
    const answer = await authority.credentials('web', 'orders', { client_id: client })
    expect(answer).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  },
)

// RFC 8693 2.1: "subject_token REQUIRED", "subject_token_type REQUIRED".
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('both are enough', async () => {
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(),
  })
  expect(answer).toMatchObject({ status: 200 })
})

test.each(['subject_token', 'subject_token_type'])('without %s: invalid_request', async (name) => {
  const answer = await authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(),
    [name]: '',
  })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test('client credentials take no subject token, and drop none', async () => {
  const answer = await authority.credentials('web', 'orders', {
    subject_token: authority.ownToken(),
  })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

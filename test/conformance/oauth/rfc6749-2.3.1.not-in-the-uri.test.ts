/** RFC 6749 2.3.1: "The parameters can only be transmitted in the request-body and MUST NOT be included in the request URI." */
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('a request with a query is refused, whatever its body holds', async () => {
  const answer = await authority.get('/token?client_assertion=x', 'POST')
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  expect(JSON.stringify(answer.body)).not.toContain('client_assertion=x')
})

test('the same without a query is read', async () => {
  expect(await authority.credentials('web', 'orders')).toMatchObject({ status: 200 })
})

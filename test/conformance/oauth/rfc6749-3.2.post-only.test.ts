// RFC 6749 3.2: "The client MUST use the HTTP "POST" method when making access token requests."
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('a POST is answered', async () => {
  expect(await authority.credentials('web', 'orders')).toMatchObject({ status: 200 })
})

test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s is 405 and names POST', async (method) => {
  const answer = await authority.get('/token', method)
  expect(answer.status).toBe(405)
  expect(answer.headers.get('allow')).toBe('POST')
  expect(answer.body).toEqual({ error: 'method_not_allowed' })
})

test('credentials in the URI do not count (2.3.1)', async () => {
  const query = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: authority.assertion('web'),
  }).toString()
  expect(await authority.get(`/token?${query}`)).toMatchObject({ status: 405 })
})

// RFC 6749 4.4.2: parameters come "using the "application/x-www-form-urlencoded" format ... with a
// character encoding of UTF-8 in the HTTP request entity-body".
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

const form = (): string =>
  new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: authority.assertion('web'),
    audience: 'http://orders.shop.svc.cluster.local',
  }).toString()

test.each([
  'application/x-www-form-urlencoded',
  'application/x-www-form-urlencoded; charset=UTF-8',
  'Application/X-WWW-Form-Urlencoded;charset=utf-8',
])('%s is read', async (type) => {
  expect(await authority.raw(form(), { 'content-type': type })).toMatchObject({ status: 200 })
})

test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', ''])(
  '"%s" is invalid_request',
  async (type) => {
    const answer = await authority.raw(form(), { 'content-type': type })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  },
)

test('a body beyond the bound is refused with an answer', async () => {
  const answer = await authority.raw(`${form()}&x=${'x'.repeat(70_000)}`, {
    'content-type': 'application/x-www-form-urlencoded',
  })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test.each(['%', '%4', '%zz', '\u00e9', ' ', '\n'])(
  '%j in the body is no form encoding',
  async (odd) => {
    const answer = await authority.raw(`${form()}&x=${odd}`, {
      'content-type': 'application/x-www-form-urlencoded',
    })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  },
)

// RFC 8693 2.2.2: "If the request itself is not valid or if either the subject_token or actor_token
// are invalid for any reason, or are unacceptable based on policy, the authorization server MUST
// construct an error response ... The value of the "error" parameter MUST be the "invalid_request"".
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

const now = authority.clock.nowSeconds
const ask = (subjectToken: string) =>
  authority.exchange('orders', 'payments', {
    subject_token: subjectToken,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })

test.each([
  ['no token', 'nonsense'],
  ['an opaque token', 'tw_0123456789'],
  ['a token that has ended', authority.ownToken({ iat: now - 600, nbf: now - 600, exp: now - 60 })],
  ['a token not valid yet', authority.ownToken({ nbf: now + 120 })],
  ['a token of another audience', authority.ownToken({ aud: 'http://web.shop.svc.cluster.local' })],
  ['a token of two audiences', authority.ownToken({ aud: ['http://a', 'http://b'] })],
  ['a token of another issuer', authority.ownToken({ iss: 'https://other.example' })],
  ['a token of an issuer that this client may not present', authority.corpToken()],
  ['a token with a signature of another', splice()],
])('%s is invalid_request', async (_, token) => {
  expect(await ask(token)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test('the client learns that the subject token is bad, not why', async () => {
  const answers = await Promise.all([ask(splice()), ask(authority.corpToken())])
  for (const { body } of answers) expect(body['reason']).toBe('subject_token')
  expect(answers[0].body).toEqual(answers[1].body)
})

function splice(): string {
  const [header, payload] = authority.ownToken().split('.')
  return [header, payload, authority.ownToken({ jti: 'other' }).split('.')[2]].join('.')
}

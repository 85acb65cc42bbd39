import { expect, test } from 'vitest'
import { reasonOf } from '../../test/support/jose.ts'
import { clientCredentialsRequest, exchangeRequest, readTokenResponse } from './exchange.ts'

const asked = { assertion: 'a.b.c', audience: 'http://orders.shop', scopes: ['x:read', 'y'] }

test('a token of our authority is presented as an access token, another as a JWT', () => {
  const body = exchangeRequest({ ...asked, subjectToken: 's.t.u' })
  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: 's.t.u',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: 'a.b.c',
    audience: 'http://orders.shop',
    scope: 'x:read y',
  })
  const foreign = exchangeRequest({ ...asked, subjectToken: 's', subjectTokenType: 'jwt' })
  expect(new URLSearchParams(foreign).get('subject_token_type')).toBe(
    'urn:ietf:params:oauth:token-type:jwt',
  )
})

test('a client asks for itself, and asks for no scope by leaving it out', () => {
  const form = new URLSearchParams(clientCredentialsRequest({ ...asked, scopes: [] }))
  expect([...form.keys()].sort()).toEqual([
    'audience',
    'client_assertion',
    'client_assertion_type',
    'grant_type',
  ])
  expect(form.get('grant_type')).toBe('client_credentials')
})

const issued = {
  access_token: 'e.y.J-_',
  issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  token_type: 'Bearer',
  expires_in: 300,
  scope: 'a b',
}

test('a token response is read', () => {
  expect(readTokenResponse(200, JSON.stringify(issued))).toEqual({
    accessToken: 'e.y.J-_',
    expiresInSeconds: 300,
    scopes: ['a', 'b'],
  })
})

test.each([
  ['has no scope', { scope: undefined }, 'allowed'],
  [
    'has no issued_token_type, as of client_credentials',
    { issued_token_type: undefined },
    'allowed',
  ],
  ['writes bearer in another case', { token_type: 'bearer' }, 'allowed'],
  ['is of a type that is no access token', { token_type: 'N_A' }, 'authority_unavailable'],
  ['is bound', { token_type: 'DPoP' }, 'authority_unavailable'],
  ['issued something else', { issued_token_type: 'urn:x' }, 'authority_unavailable'],
  ['has no token', { access_token: undefined }, 'authority_unavailable'],
  ['has a token with a line break', { access_token: 'a\r\nx: y' }, 'authority_unavailable'],
  ['has expired', { expires_in: 0 }, 'authority_unavailable'],
  ['has a lifetime that is text', { expires_in: '300' }, 'authority_unavailable'],
  ['has scopes that are a list', { scope: ['a'] }, 'authority_unavailable'],
])('a response that %s', (_, change, outcome) => {
  const body = JSON.stringify({ ...issued, ...change })
  expect(reasonOf(() => readTokenResponse(200, body))).toBe(outcome)
})

test.each([
  [400, '{"error":"invalid_target","reason":"delegation_required"}', 'delegation_required'],
  [401, '{"error":"invalid_client","reason":"client_assertion"}', 'client_assertion'],
  [503, '{"error":"temporarily_unavailable","reason":"behind"}', 'behind'],
  [400, '{"error":"invalid_target"}', 'authority_unavailable'],
  [400, '{"reason":"made_up"}', 'authority_unavailable'],
  [400, '{"reason":"toString"}', 'authority_unavailable'],
  [302, '{"reason":"behind"}', 'authority_unavailable'],
  [502, '<html>', 'authority_unavailable'],
  [200, 'null', 'authority_unavailable'],
  [200, '', 'authority_unavailable'],
])('an answer %i %s is %s', (status, body, reason) => {
  expect(reasonOf(() => readTokenResponse(status, body))).toBe(reason)
})

test('no error shows the body', () => {
  try {
    readTokenResponse(200, JSON.stringify({ ...issued, expires_in: -1 }))
    expect.unreachable()
  } catch (error) {
    expect(JSON.stringify([String(error), String((error as Error).cause)])).not.toContain('e.y.J')
  }
})

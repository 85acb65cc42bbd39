import { expect, test } from 'vitest'
import { Refusal } from '../refusal/refusal.ts'
import { renderAnswer } from './answers.ts'

const render = (refusal: Refusal, more: object = {}): string =>
  renderAnswer({ refusal, decision: 'd1', close: false, ...more })

test('an answer is problem JSON with its reason and decision, as long as it says', () => {
  const text = render(
    new Refusal('no_rule', { policy: 'shop/orders', rule: 'read', hint: 'Try GET.' }),
  )
  const [head = '', body = ''] = text.split('\r\n\r\n')
  expect(head.split('\r\n')).toEqual([
    'HTTP/1.1 403 Forbidden',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Tokenward-Decision: d1',
  ])
  expect(JSON.parse(body)).toEqual({
    type: 'about:blank',
    title: 'Forbidden',
    status: 403,
    detail: 'No rule allows this operation. Try GET.',
    reason: 'no_rule',
    decision: 'd1',
    policy: 'shop/orders',
    rule: 'read',
  })
})

test.each([
  [
    'no token: a bare challenge (RFC 6750 3)',
    new Refusal('no_token'),
    'WWW-Authenticate: Bearer\r\n',
  ],
  [
    'a bad token: invalid_token',
    new Refusal('token_expired'),
    'WWW-Authenticate: Bearer error="invalid_token", error_description="The token has expired."\r\n',
  ],
  [
    'too little scope: which would do',
    new Refusal('insufficient_scope', { scope: 'a b' }),
    'WWW-Authenticate: Bearer error="insufficient_scope", scope="a b"\r\n',
  ],
  [
    'two tokens: invalid_request',
    new Refusal('two_tokens'),
    'WWW-Authenticate: Bearer error="invalid_request"\r\n',
  ],
  [
    'away: when to try again',
    new Refusal('policy_stale', { retryAfterSeconds: 2.5 }),
    'Retry-After: 3\r\n',
  ],
  ['too often: when to try again', new Refusal('rate_limited'), 'Retry-After: 1\r\n'],
])('%s', (_name, refusal, line) => {
  expect(render(refusal)).toContain(line)
})

test('an answer that is none of these has neither challenge nor Retry-After', () => {
  expect(render(new Refusal('no_rule'))).not.toMatch(/WWW-Authenticate|Retry-After|Connection/)
})

test('the challenge of the verdict goes before the usual one', () => {
  const text = render(new Refusal('no_token'), { challenge: 'Bearer resource_metadata="x"' })
  expect(text.match(/WWW-Authenticate: .*/g)).toEqual([
    'WWW-Authenticate: Bearer resource_metadata="x"',
  ])
})

test('an answer to HEAD has no body, and one that ends the connection says so', () => {
  const text = render(new Refusal('internal'), { headOnly: true, close: true })
  expect(text).toMatch(/Connection: close\r\n\r\n$/)
  expect(text).toMatch(/Content-Length: [1-9]/)
})

test('nothing but ASCII leaves, and a quote in a scope does not end its parameter', () => {
  const text = render(new Refusal('insufficient_scope', { scope: 'a"\r\nX: é', policy: 'é' }))
  expect(text).toMatch(/^[\x20-\x7e\r\n]*$/)
  expect(text).toContain('scope="aX: "\r\n')
  expect(text).not.toContain('\r\nX:')
  expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ policy: 'é' })
})

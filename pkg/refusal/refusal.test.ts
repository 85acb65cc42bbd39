import { expect, test } from 'vitest'
import { reasons, rowOf, type Reason } from './reasons.ts'
import { Refusal } from './refusal.ts'

const all = Object.keys(reasons) as Reason[]

test.each(all)(
  '%s has a status, a gRPC code and words that may go into an error_description',
  (reason) => {
    const { status, grpc, words } = rowOf(reason)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(grpc).toBeGreaterThan(0)
    expect(grpc).toBeLessThanOrEqual(16)
    // RFC 6749 5.2, the apostrophe allowed and the quotation mark not.
    expect(words).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+\.$/)
  },
)

test('what is wrong with a token is 401 invalid_token, and what is away is 503', () => {
  for (const reason of all) {
    if (reason.startsWith('token_'))
      expect(rowOf(reason)).toMatchObject({ status: 401, oauth: 'invalid_token' })
  }
  for (const reason of [
    'authority_unavailable',
    'keys_unavailable',
    'policy_stale',
    'behind',
  ] as const) {
    expect(rowOf(reason).status).toBe(503)
  }
})

test('a refusal has words of ours, a private cause, and leaves stacks of mistakes alone', () => {
  const cause = new Error('private')
  const refusal = new Refusal('no_rule', { rule: 'r' }, cause)
  expect(refusal.message).toBe(rowOf('no_rule').words)
  expect(JSON.stringify(refusal)).not.toContain('private')
  expect(refusal.cause).toBe(cause)
  expect(new Error('mistake').stack).toContain('refusal.test.ts')
})

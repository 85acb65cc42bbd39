// RFC 6749 3.2: "Parameters sent without a value MUST be treated as if they were omitted from the
// request. The authorization server MUST ignore unrecognized request parameters. Request and response
// parameters MUST NOT be included more than once." RFC 8693 2.1: audience and resource may be.
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'
import { audience } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

test('a parameter without a value counts as omitted', async () => {
  const whole = await authority.credentials('web', 'orders', { scope: '' })
  expect(whole.body).toMatchObject({ scope: 'orders:create orders:read' })
  expect(await authority.credentials('web', 'orders', { audience: '' })).toMatchObject({
    status: 400,
    body: { error: 'invalid_request' },
  })
})

test('a parameter that nobody knows is ignored', async () => {
  expect(await authority.credentials('web', 'orders', { favourite: 'blue' })).toMatchObject({
    status: 200,
  })
})

test.each([
  'grant_type',
  'scope',
  'client_assertion',
  'client_id',
  'subject_token',
  'favourite',
  '__proto__',
])('%s twice is invalid_request', async (name) => {
  const answer = await authority.credentials('web', 'orders', { [name]: ['a', 'a'] })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test('a parameter that is there twice is refused even where one has no value', async () => {
  const answer = await authority.credentials('web', 'orders', { scope: ['', 'orders:read'] })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

test('audience twice is read, and is more than one target', async () => {
  const answer = await authority.credentials('web', 'orders', {
    audience: [audience('orders'), audience('payments')],
  })
  expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
})

// RFC 8693 2.2.2: "If the authorization server is unwilling or unable to issue a token for any target
// service indicated by the resource or audience parameters, the invalid_target error code SHOULD be
// used". 2.1: a resource "MUST be an absolute URI ... MUST NOT include a fragment component".
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'
import { audience } from '../../support/world.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

const ask = (change: Record<string, string | string[] | undefined>) =>
  authority.exchange('orders', 'payments', {
    subject_token: authority.ownToken(),
    audience: undefined,
    ...change,
  })

test.each([
  ['audience', { audience: audience('payments') }],
  ['resource', { resource: audience('payments') }],
])('one target by %s is issued for', async (_, change) => {
  expect(await ask(change)).toMatchObject({ status: 200 })
})

test.each([
  ['two audiences', { audience: [audience('payments'), audience('orders')] }],
  ['an audience and a resource', { audience: audience('payments'), resource: audience('web') }],
  ['an audience that nobody has', { audience: 'http://nobody.shop.svc.cluster.local' }],
  ['an audience to which no edge leads', { audience: audience('web') }],
  ['part of an audience', { audience: 'http://payments' }],
  ['an audience and more', { audience: `${audience('payments')}/` }],
  ['an audience in other letters', { audience: audience('payments').toUpperCase() }],
  ['a resource that is no URI', { resource: 'payments' }],
  ['a resource with a fragment', { resource: `${audience('payments')}#x` }],
  ['the name of a member of every object', { audience: 'constructor' }],
])('%s: invalid_target', async (_, change) => {
  expect(await ask(change)).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
})

test('no target is invalid_request', async () => {
  expect(await ask({})).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
})

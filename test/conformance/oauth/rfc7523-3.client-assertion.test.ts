// RFC 7523 3: "The JWT MUST contain an "aud" (audience) claim containing a value that identifies the
// authorization server as an intended audience", "iss", "sub", "exp"; "MUST be digitally signed".
// 3.2: "If the client JWT is not valid, the authorization server constructs an error response ... the
// value of the "error" parameter MUST be the "invalid_client" error code."
import { afterAll, expect, test } from 'vitest'
import { startAuthority } from '../../support/authority.ts'

const authority = await startAuthority()
afterAll(() => authority.close())

const soon = authority.clock.nowSeconds
const ask = (change: Record<string, unknown>) =>
  authority.credentials('web', 'orders', { client_assertion: authority.assertion('web', change) })

test('the token of a pod that runs authenticates its workload, as often as it likes', async () => {
  for (let turn = 0; turn < 3; turn += 1) expect(await ask({})).toMatchObject({ status: 200 })
})

test.each([
  ['another audience', { audience: 'tokenward:discovery' }],
  ['the audience of the API server', { audience: 'https://kubernetes.default.svc' }],
  ['another issuer', { issuer: 'https://other.example' }],
  ['an end that has passed', { expiresAtSeconds: soon - 31, issuedAtSeconds: soon - 600 }],
  ['a life of more than an hour', { expiresAtSeconds: soon + 3600, issuedAtSeconds: soon - 10 }],
  ['a time of issue to come', { issuedAtSeconds: soon + 300 }],
  ['the pod of another workload', { podUid: 'pod-shop-orders-0' }],
  ['another name of its pod', { pod: 'web-1' }],
  ['an account that the pod has not', { serviceAccount: 'payments' }],
  ['an account deleted and made anew', { serviceAccountUid: 'sa-shop-web-2' }],
  ['another namespace', { namespace: 'other' }],
])('%s is invalid_client', async (_, change) => {
  expect(await ask(change)).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
})

test('one signed by nobody we know is invalid_client', async () => {
  const good = authority.assertion('web')
  const other = authority.assertion('orders')
  const spliced = [...good.split('.').slice(0, 2), other.split('.')[2]].join('.')
  expect(await authority.credentials('web', 'orders', { client_assertion: spliced })).toMatchObject(
    {
      status: 401,
      body: { error: 'invalid_client', reason: 'client_assertion' },
    },
  )
})

test('one that has ended is refused although it authenticated before', async () => {
  const assertion = authority.assertion('web')
  const use = () => authority.credentials('web', 'orders', { client_assertion: assertion })
  expect(await use()).toMatchObject({ status: 200 })
  authority.clock.nowSeconds += 3031
  expect(await use()).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  authority.clock.nowSeconds = soon
})

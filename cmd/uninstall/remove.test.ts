import { expect, test } from 'vitest'
import { startStubApi, statusOf } from '../../test/support/stub-api.ts'
import { removeWebhooks } from './remove.ts'

const base = '/apis/admissionregistration.k8s.io/v1'
const ours = [
  `${base}/mutatingwebhookconfigurations/tokenward-webhook`,
  `${base}/validatingwebhookconfigurations/tokenward-webhook`,
]

test('exactly the two configurations of ours are deleted, and one that is gone is done', async () => {
  await using stub = await startStubApi(({ path }) =>
    path === ours[0]
      ? { status: 200, body: statusOf(200, 'Success') }
      : { status: 404, body: statusOf(404, 'NotFound') },
  )
  expect(await removeWebhooks(stub.client)).toEqual([
    'MutatingWebhookConfiguration tokenward-webhook: removed',
    'ValidatingWebhookConfiguration tokenward-webhook: was not there',
  ])
  expect(stub.api.seen.map(({ method, path }) => `${method} ${path}`)).toEqual(
    ours.map((path) => `DELETE ${path}`),
  )
})

test('a right that is missing is said with the verb and the name', async () => {
  await using stub = await startStubApi(() => ({ status: 403, body: statusOf(403, 'Forbidden') }))
  await expect(removeWebhooks(stub.client)).rejects.toThrow(/delete .*mutatingwebhook/i)
})

import { afterEach, expect, test } from 'vitest'
import { followCaBundles } from '../../pkg/controller/ca-bundle.ts'
import { openKubeClient } from '../../pkg/kube/client.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { closeAll, closing } from '../support/controller.ts'
import { startMemoryApi, type MemoryApi } from '../support/memory-api.ts'
import { until } from '../support/until.ts'

afterEach(closeAll)

const group = '/apis/admissionregistration.k8s.io/v1'
const mutating = `${group}/mutatingwebhookconfigurations/tokenward-webhook`
const validating = `${group}/validatingwebhookconfigurations/tokenward-webhook`
const roots = 'new roots'

function start(api: MemoryApi) {
  const lines: string[] = []
  const log = createLog({ name: 'test', level: 'debug', write: (line) => lines.push(line) })
  const client = openKubeClient({ kubeconfig: api.kubeconfig, log })
  let changes = 0
  const bundles = followCaBundles({ client, log, onChange: () => (changes += 1) })
  closing(() => {
    bundles.close()
    client.close()
  })
  return { bundles, lines, changes: () => changes }
}

async function startApi(): Promise<MemoryApi> {
  const api = await startMemoryApi()
  closing(async () => api[Symbol.asyncDispose]())
  const webhooks = [{ name: 'pods.tokenward.dev', clientConfig: { caBundle: 'b2xk' } }]
  for (const path of [mutating, validating]) api.put(path, { metadata: {}, webhooks })
  return api
}

const bundleOf = (api: MemoryApi, path: string): string | undefined => {
  const { webhooks } = api.get(path) as unknown as {
    readonly webhooks: readonly { readonly clientConfig: { readonly caBundle: string } }[]
  }
  return Buffer.from(webhooks[0]?.clientConfig.caBundle ?? '', 'base64').toString()
}

test('what somebody else has just written is no failure, and is written once it is seen', async () => {
  const api = await startApi()
  const { bundles, lines, changes } = start(api)
  await until('both are seen', () => changes() === 2)
  // Nothing has told of it yet.
  api.put(mutating, { ...api.get(mutating) })
  await bundles.keep(roots)
  expect(bundleOf(api, mutating)).toBe('old')
  expect(bundleOf(api, validating)).toBe(roots)
  const words = lines.filter((line) => line.includes('wait for what somebody else wrote'))
  expect(words).toHaveLength(1)
  expect(words[0]).toMatch(/"level":"debug"|"level":20/)
  expect(lines.join('')).not.toContain('"stack"')
  await until('both are seen again', () => changes() >= 4)
  await bundles.keep(roots)
  expect(bundleOf(api, mutating)).toBe(roots)
})

test('any other refusal is a failure', async () => {
  const api = await startApi()
  const { bundles, changes } = start(api)
  await until('both are seen', () => changes() === 2)
  api.readOnly.add(`${group}/mutatingwebhookconfigurations`)
  await expect(bundles.keep(roots)).rejects.toThrow('must grant the verb "patch"')
})

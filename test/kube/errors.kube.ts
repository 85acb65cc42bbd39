import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKubeClient, type KubeClient } from '../../pkg/kube/client.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { clusterBinaries, startApiServer, type ApiServer } from '../support/api-server.ts'

let server: ApiServer
let admin: KubeClient
let limited: KubeClient
const log = createLog({ name: 'test', level: 'silent' })

beforeAll(async () => {
  server = await startApiServer({ binaries: clusterBinaries() })
  admin = openKubeClient({ kubeconfig: server.kubeconfig, log })
  limited = openKubeClient({ kubeconfig: server.limitedKubeconfig, log })
})
afterAll(async () => {
  admin?.close()
  limited?.close()
  await server?.close()
})

test('what a role does not grant is named by verb and resource', async () => {
  await expect(
    limited.request({ method: 'GET', path: '/api/v1/namespaces/shop/services' }),
  ).rejects.toMatchObject({
    status: 403,
    reason: 'Forbidden',
    message: expect.stringContaining('must grant the verb "list" on services') as string,
  })
})

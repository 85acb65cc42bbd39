import type { KubeClient } from '../../../pkg/kube/client.ts'
import { until } from '../../support/until.ts'
import { untilCondition } from '../api.ts'
import { apply, kubectl } from '../kubectl.ts'
import { policy, pod, service } from '../objects.ts'
import { check } from '../report.ts'
import { mallory as namespace } from './tenants.ts'

/** What may come later, and what somebody broke by hand. */
export async function badInput(api: KubeClient): Promise<void> {
  const late = { namespace, name: 'late' }
  const missing = { type: 'Accepted', status: 'False', reason: 'TargetNotFound' }
  await check('a policy whose Service comes later waits for it, and says so', async () => {
    await apply(policy(namespace, 'late', [{ name: 'orders' }]))
    await untilCondition(api, late, missing)
    await apply(service(namespace, 'late'))
    return untilCondition(api, late, { type: 'Accepted', status: 'True' })
  })
  await check('and says so again once the Service is gone', async () => {
    await kubectl(['delete', 'service', 'late', '-n', namespace])
    await untilCondition(api, late, missing)
    const said = await kubectl(['get', 'events', '-n', namespace])
    if (!said.includes('TargetNotFound')) throw new Error(said)
  })
  await check(
    'a serving key that somebody damaged is made anew, and pods are admitted',
    async () => {
      const secret = {
        method: 'GET',
        path: '/api/v1/namespaces/tokenward-system/secrets/tokenward-webhook-tls',
      } as const
      const keyOf = async (): Promise<string> =>
        (await api.request<{ readonly data: Readonly<Record<string, string>> }>(secret)).data[
          'tls.key'
        ] ?? ''
      const [before, damaged] = [await keyOf(), Buffer.from('x').toString('base64')]
      await api.request({
        ...secret,
        method: 'PATCH',
        contentType: 'application/merge-patch+json',
        body: { data: { 'tls.key': damaged } },
      })
      await until('another key', async () => ![before, damaged].includes(await keyOf()))
      await apply(pod({ name: 'admitted', namespace, spec: { serviceAccountName: 'orders' } }))
      await kubectl(['delete', 'pod', 'admitted', '-n', namespace, '--wait=false'])
    },
  )
}

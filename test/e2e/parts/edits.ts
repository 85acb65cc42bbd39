import type { KubeClient } from '../../../pkg/kube/client.ts'
import { letOrdersBeRead, untilCondition } from '../api.ts'
import { figure, check } from '../report.ts'
import { percentile } from '../percentile.ts'
import type { Stage } from '../stage.ts'

const withinMs = 1000

/** From the moment that the edit is sent to the first answer in a pod that obeys it, many times. */
export async function policyEdits(stage: Stage, api: KubeClient, times: number): Promise<void> {
  const bob = await stage.token('bob')
  const visitor = await stage.in('outside', 'visitor')
  const tookMs: number[] = []
  let wanted = { answer: '', heard: (): void => undefined }
  const call = { method: 'GET', url: 'http://web.shop/purchases/1', token: bob }
  const watching = visitor.watch(call, (answer) => {
    if (answer === wanted.answer) wanted.heard()
  })
  const edit = async (may: boolean): Promise<void> => {
    const enforced = new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('not within 10 s')), 10_000)
      wanted = {
        answer: may ? '200' : '403 no_rule',
        heard() {
          clearTimeout(timer)
          resolve(performance.now())
        },
      }
    })
    const sent = performance.now()
    await letOrdersBeRead(api, may)
    tookMs.push((await enforced) - sent)
  }
  try {
    await check('an edit is enforced, and Programmed says when', async () => {
      await edit(false)
      const took = Math.ceil(tookMs[0] ?? 0)
      const policy = { namespace: 'shop', name: 'orders' }
      const said = await untilCondition(api, policy, { type: 'Programmed', status: 'True' })
      await edit(true)
      return `after ${took} ms; ${said}`
    })
    for (let count = 0; count < times; count += 1) await edit(count % 2 === 1)
  } finally {
    await visitor.stop()
    await watching
    await letOrdersBeRead(api, true)
  }
  const p99 = percentile(tookMs, 99)
  figure({
    name: 'policy change → enforcement in a pod, p50 / p99',
    value: `${percentile(tookMs, 50).toFixed(0)} / ${p99.toFixed(0)} ms of ${tookMs.length}`,
    bar: `${withinMs} ms`,
    ofBar: p99 / withinMs,
  })
}

import { kubectl, rolledOut } from '../kubectl.ts'
import { check } from '../report.ts'
import type { Stage } from '../stage.ts'

/** Every pod of orders is replaced while purchases go on. */
export async function rollingUpdate(stage: Stage): Promise<void> {
  await check('orders is replaced under load with no failed request', async () => {
    const alice = await stage.token('alice')
    const visitor = await stage.in('outside', 'visitor')
    const call = {
      method: 'POST',
      url: 'http://web.shop/purchases',
      token: alice,
      body: { item: 'lamp' },
    }
    const running = visitor.load(call, 20)
    await kubectl(['rollout', 'restart', '-n', 'shop', 'deployment/orders'])
    await rolledOut('shop', 'orders')
    // The old pod serves until its grace is over: its connections must not be missed.
    await new Promise((resolve) => setTimeout(resolve, 8000))
    await visitor.stop()
    const { count, statuses, longestMs } = await running
    const told = Object.entries(statuses).map(([status, times]) => `${times} × ${status}`)
    if (Object.keys(statuses).join() !== '201') throw new Error(told.join(', '))
    return `${count} requests, the longest ${longestMs.toFixed(0)} ms`
  })
}

/**
 * How long the webhook takes for a pod of three containers, over HTTPS on kept connections as the API
 * server asks: `node test/bench/admission.ts`. The webhook is the bundle's code in this process, so what is
 * printed has the client's own work in it. Exits with 1 where one at a time is above the bar.
 */
import { namespaceOf, readPodCases } from '../support/pods.ts'
import { responseOf, reviewOf, startNamespaces, startWebhook } from '../support/webhook.ts'
import { median, percentile } from './stats.ts'

const barMs = 20
const warmUp = 200
const asked = 2000

const several = readPodCases().find(({ name }) => name === 'several-containers')
if (several === undefined) throw new Error('the pod of three containers is gone')
const body = reviewOf(several.pod)
await using server = await startWebhook(startNamespaces([namespaceOf()]))

async function measure(count: number, atOnce: number): Promise<number[]> {
  const samples: number[] = []
  const client = async (): Promise<void> => {
    for (let n = 0; n < count / atOnce; n += 1) {
      const startedMs = performance.now()
      const answer = await server.ask({ body })
      samples.push(performance.now() - startedMs)
      if (!responseOf(answer).allowed) throw new Error(answer.text)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
  return samples
}

await measure(warmUp, 1)
for (const atOnce of [1, 8]) {
  const samples = await measure(asked, atOnce)
  const [p50, p99] = [median(samples), percentile(samples, 0.99)]
  console.log(
    `${atOnce} at once: ${asked} pods, median ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms (bar ${barMs} ms)`,
  )
  if (atOnce === 1 && p99 > barMs) process.exitCode = 1
}

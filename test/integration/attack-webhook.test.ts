/** Somebody in the cluster sends the webhook what no API server would, or has an API server send much. */
import https from 'node:https'
import type { ClientRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../pkg/admission/json.ts'
import { namespaceOf } from '../support/pods.ts'
import { until } from '../support/until.ts'
import {
  responseOf,
  reviewOf,
  startNamespaces,
  startWebhook,
  webhookRoot,
  type TestWebhook,
} from '../support/webhook.ts'

const app = { name: 'app', image: 'a' }
const pod: Json = { kind: 'Pod', metadata: {}, spec: { containers: [app] } }
let server: TestWebhook

beforeAll(async () => {
  server = await startWebhook(startNamespaces([namespaceOf()]))
})
afterAll(() => server[Symbol.asyncDispose]())

const times = <T>(length: number, make: (at: number) => T): T[] =>
  Array.from({ length }, (_, at) => make(at))

test('a flood of keys that look like ours is told of in a few warnings', async () => {
  const labels = Object.fromEntries(times(50_000, (at) => [`tokenward.dev/injec${at}`, '']))
  const answer = responseOf(await server.ask({ body: reviewOf({ ...pod, metadata: { labels } }) }))
  expect(answer.allowed).toBe(true)
  expect(answer.warnings).toHaveLength(16)
})

test('a flood of problems, or a long one, is told in bounded words, in answer and log', async () => {
  const volumeMounts = [{ name: 'tokenward-state', mountPath: '/s' }]
  const bad = times(1_000, (at) => ({ name: `${at}`.padEnd(1_000, 'x'), volumeMounts }))
  const flood = { ...pod, metadata: { name: 'n'.repeat(100_000) }, spec: { containers: bad } }
  const name = 'n'.repeat(100_000)
  const { status } = responseOf(await server.ask({ body: reviewOf(flood, { name }) }))
  expect(status?.message).toMatch(/^container 0x/)
  expect(status?.message).toContain('and 980 more problems')
  expect(status?.message.length).toBeLessThan(25_000)
  expect(server.logged.at(-1)?.length).toBeLessThan(25_000)
})

test('a body of more members than any object has is not taken apart; a large object is', async () => {
  const env = times(15_000, (at) => ({ name: `VARIABLE_${at}`, value: 'x'.repeat(40) }))
  const large = { ...pod, spec: { containers: [{ ...app, env }] } }
  expect(responseOf(await server.ask({ body: reviewOf(large) })).allowed).toBe(true)
  const body = reviewOf({ ...pod, x: times(300_000, () => ({})) })
  expect(await server.ask({ body })).toMatchObject({ status: 400 })
})

test('who holds large reviews half sent holds up no small one, and a large one once they end', async () => {
  const large = reviewOf({ ...pod, metadata: { annotations: { a: 'x'.repeat(300_000) } } })
  const held = times(4, () => half(large))
  const asked = (body: string) => server.ask({ body }).then(({ status }) => status)
  await until('no place is left', async () => (await asked(large)) === 503)
  expect(await asked(reviewOf(pod))).toBe(200)
  for (const request of held) request.destroy()
  await until('there is place again', async () => (await asked(large)) === 200)
})

/** A question whose body does not end. */
function half(body: string): ClientRequest {
  const headers = { 'content-type': 'application/json', 'content-length': body.length }
  const options = { method: 'POST', ca: webhookRoot(), agent: false, headers } as const
  const request = https.request(`${server.webhook.url}/mutate`, options)
  request.on('error', () => undefined)
  request.write(body.slice(0, 100_000))
  return request
}

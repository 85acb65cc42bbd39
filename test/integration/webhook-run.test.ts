import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { createHandler } from '../../pkg/admission/handle.ts'
import { readReview } from '../../pkg/admission/review.ts'
import { listen } from '../../pkg/http/listen.ts'
import { createLog } from '../../pkg/telemetry/log.ts'
import { namespaceOf } from '../support/pods.ts'
import { until } from '../support/until.ts'
import {
  responseOf,
  reviewOf,
  startNamespaces,
  startWebhook,
  webhookCertificate,
  webhookRoot,
  type TestWebhook,
} from '../support/webhook.ts'

const pod = { kind: 'Pod', metadata: {}, spec: { containers: [{ name: 'app', image: 'a' }] } }
const namespaces = startNamespaces([namespaceOf()])

async function readiness({ webhook }: TestWebhook): Promise<string> {
  const response = await fetch(`${webhook.adminUrl}/readyz`)
  return `${response.status} ${(await response.text()).trim()}`
}

/** Of a new connection: the serial number of the certificate that it sees. */
function serialOf({ webhook }: TestWebhook): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get(webhook.url, { ca: webhookRoot(), agent: false }, (response) => {
      const socket = response.socket as TLSSocket
      response.resume()
      resolve(socket.getPeerCertificate().serialNumber)
    })
    request.on('error', reject)
  })
}

test('a webhook without a certificate waits, says so, and serves once it is there', async () => {
  await using server = await startWebhook(namespaces, { hasCertificate: false })
  expect(await readiness(server)).toMatch(/^503 .*tls\.crt cannot be read \(ENOENT\)$/)
  await expect(server.ask({ body: reviewOf(pod) })).rejects.toThrow()
  const { certificate, privateKey } = webhookCertificate()
  server.write({ 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': webhookRoot() })
  await until('it is ready', async () => (await readiness(server)).startsWith('200'))
  expect(responseOf(await server.ask({ body: reviewOf(pod) })).allowed).toBe(true)
})

test('namespaces that are not known keep it from being ready', async () => {
  const problem = 'the API server forbids it (403)'
  await using server = await startWebhook({ ...namespaces, problem: () => problem })
  expect(await readiness(server)).toBe(`503 ${problem}`)
})

test('a new certificate is served to new connections, and old ones go on', async () => {
  await using server = await startWebhook(namespaces)
  await server.ask({ body: reviewOf(pod) })
  const before = await serialOf(server)
  const { certificate, privateKey } = webhookCertificate()
  server.write({ 'tls.crt': certificate, 'tls.key': privateKey })
  await until('it is served', async () => (await serialOf(server)) !== before)
  // On the connection that was opened with the old one.
  expect(responseOf(await server.ask({ body: reviewOf(pod) })).allowed).toBe(true)
})

test.each([
  ['a key of another certificate', { 'tls.key': webhookCertificate().privateKey }],
  ['a certificate that has ended', ended()],
  ['no certificate at all', { 'tls.crt': 'nothing' }],
  ['roots that are none', { 'ca.crt': '' }],
] as const)('with %s in the folder the last good one serves on', async (_what, files) => {
  await using server = await startWebhook(namespaces)
  const before = await serialOf(server)
  server.write(files)
  await until('it is said', () => server.logged.some((line) => line.includes('are not used')))
  expect(await serialOf(server)).toBe(before)
  expect(await readiness(server)).toMatch(/^200/)
  expect(server.logged.join('')).not.toContain('PRIVATE KEY')
})

function ended(): { readonly 'tls.crt': string; readonly 'tls.key': string } {
  const { certificate, privateKey } = webhookCertificate(-1)
  return { 'tls.crt': certificate, 'tls.key': privateKey }
}

test('sidecars get the roots that the folder has now', async () => {
  await using server = await startWebhook(namespaces)
  const bundle = `${webhookRoot()}${webhookRoot()}`
  server.write({ 'ca.crt': bundle })
  await until('they are used', async () => {
    const { operations } = responseOf(await server.ask({ body: reviewOf(pod) }))
    return JSON.stringify(operations).includes(JSON.stringify(bundle))
  })
})

test('what was answered is counted by outcome and reason, and by nothing that was sent', async () => {
  await using server = await startWebhook(namespaces)
  await server.ask({ body: reviewOf(pod) })
  const windows = { ...pod, spec: { ...pod.spec, os: { name: 'windows' } } }
  await server.ask({ body: reviewOf(windows) })
  await server.ask({ path: '/nowhere', body: reviewOf(pod) })
  const text = await (await fetch(`${server.webhook.adminUrl}/metrics`)).text()
  const path = 'path="/mutate"'
  expect(text).toContain(
    `tokenward_webhook_answers_total{${path},outcome="injected",reason="selected"} 1`,
  )
  expect(text).toContain(
    `tokenward_webhook_answers_total{${path},outcome="refused",reason="pod"} 1`,
  )
  expect(text).toContain(`tokenward_webhook_duration_seconds_count{${path}} 2`)
  expect(text).toMatch(/tokenward_webhook_certificate_ends_seconds [1-9]/)
  expect(text).not.toContain('nowhere')
})

test('what is not decided in time is refused before the API server gives up', async () => {
  const log = createLog({ name: 'test', level: 'silent' })
  const { certificate, privateKey } = webhookCertificate()
  const answered: string[] = []
  const server = https.createServer(
    { cert: certificate, key: privateKey },
    createHandler({
      judges: { '/mutate': () => new Promise(() => undefined) },
      log,
      onAnswer: (_path, { reason }) => answered.push(reason),
      deadlineMs: 20,
    }),
  )
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 })
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const options = { method: 'POST', ca: webhookRoot(), agent: false, headers } as const
    const request = https.request(`https://127.0.0.1:${port}/mutate`, options, (response) => {
      response.on('data', (chunk: Buffer) => resolve(chunk.toString()))
    })
    request.on('error', reject)
    request.end(reviewOf(pod))
  })
  server.close()
  expect(responseOf({ status: 200, text })).toMatchObject({ allowed: false, status: { code: 504 } })
  expect(answered).toEqual(['deadline'])
})

test('a port that is taken ends the start, and leaves nothing open', async () => {
  await using first = await startWebhook(namespaces)
  const { port } = new URL(first.webhook.url)
  await expect(startWebhook(namespaces, { port: Number(port) })).rejects.toThrow('is in use')
})

test('a question under way is answered while the webhook stops', async () => {
  let arrived = false
  let resolve: (facts: ReturnType<typeof namespaceOf>) => void = () => undefined
  const facts = new Promise<ReturnType<typeof namespaceOf>>((settle) => (resolve = settle))
  const server = await startWebhook({
    ...namespaces,
    get: () => undefined,
    fetch() {
      arrived = true
      return facts
    },
  })
  const asked = server.ask({ body: reviewOf(pod) })
  await until('it is under way', () => arrived)
  const closed = server.webhook.close()
  resolve(namespaceOf())
  expect(responseOf(await asked).allowed).toBe(true)
  await closed
  await server[Symbol.asyncDispose]()
})

test('a review without an object, or of another version, is none', () => {
  expect(readReview(reviewOf(pod))).toMatchObject({ uid: 'uid-1', resource: 'pods' })
  expect(readReview(reviewOf(pod, { object: null }))).toBeUndefined()
  expect(readReview(reviewOf(pod, { uid: '' }))).toBeUndefined()
  expect(readReview('[]')).toBeUndefined()
})

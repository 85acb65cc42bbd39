import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mapOf, type Json } from '../../pkg/admission/json.ts'
import { parseYaml } from '../../pkg/config/yaml.ts'
import { applyPatch, namespaceOf } from '../support/pods.ts'
import {
  responseOf,
  reviewOf,
  startNamespaces,
  startWebhook,
  type TestWebhook,
} from '../support/webhook.ts'

const pod: Json = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { generateName: 'orders-' },
  spec: { containers: [{ name: 'app', image: 'app' }] },
}
const policy = parseYaml(readFileSync('examples/shop/payments.yaml', 'utf8'))
  .documents.map(({ value }) => mapOf(value))
  .find(({ kind }) => kind === 'AccessPolicy') as Json

const off = { ...namespaceOf({}), name: 'off' }
const late = { ...namespaceOf({}), name: 'late' }
const namespaces = startNamespaces(
  [namespaceOf(), off, late],
  [
    namespaceOf(),
    off,
    { ...late, labels: { 'tokenward.dev/inject': 'enabled' } },
    { ...namespaceOf(), name: 'new' },
  ],
)
let server: TestWebhook

beforeAll(async () => {
  server = await startWebhook(namespaces)
})
afterAll(() => server[Symbol.asyncDispose]())

const mutate = async (object: Json, change: Readonly<Record<string, unknown>> = {}) =>
  responseOf(await server.ask({ body: reviewOf(object, change) }))
const validate = async (object: Json, change: Readonly<Record<string, unknown>> = {}) =>
  responseOf(await server.ask({ path: '/validate', body: reviewOf(object, change) }))

describe('about pods', () => {
  test('one in a namespace that asks for it gets its sidecar, and its uid is echoed', async () => {
    const answer = await mutate(pod, { uid: 'the-uid' })
    expect(answer).toMatchObject({ uid: 'the-uid', allowed: true, warnings: [] })
    const spec = mapOf(applyPatch(pod, answer.operations)['spec'])
    expect(spec['initContainers']).toMatchObject([
      { name: 'tokenward-sidecar' },
      { name: 'tokenward-redirect' },
    ])
  })

  test('the answer is a review of the same version, with its patch as JSONPatch', async () => {
    const { status, text } = await server.ask({ body: reviewOf(pod) })
    expect(status).toBe(200)
    expect(JSON.parse(text)).toMatchObject({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { patchType: 'JSONPatch' },
    })
  })

  test('a dry run is answered as any other', async () => {
    expect(await mutate(pod, { dryRun: true })).toEqual(await mutate(pod))
  })

  test('a pod that cannot be injected is refused with every reason, for people to read', async () => {
    const bad = { ...pod, spec: { ...mapOf(pod['spec']), os: { name: 'windows' } } }
    const { allowed, status } = await mutate(bad)
    expect(allowed).toBe(false)
    expect(status).toMatchObject({ code: 403 })
    expect(status?.message).toContain('Windows')
  })

  test('a namespace that is not known yet is read once from the API server', async () => {
    const before = namespaces.fetched.length
    expect((await mutate(pod, { namespace: 'new' })).operations).not.toEqual([])
    expect(namespaces.fetched.slice(before)).toEqual(['new'])
  })

  test('a namespace that is nowhere is no reason to let a pod through', async () => {
    const { allowed, status } = await mutate(pod, { namespace: 'nowhere' })
    expect(allowed).toBe(false)
    expect(status).toMatchObject({ code: 503 })
  })

  test('what we saw of a namespace may be older than what the API server asks by', async () => {
    expect((await mutate(pod, { namespace: 'late' })).operations).not.toEqual([])
    expect((await mutate(pod, { namespace: 'off' })).operations).toEqual([])
  })

  test.each([
    ['an update', { operation: 'UPDATE' }],
    ['a part of a pod', { subResource: 'ephemeralcontainers' }],
    ['another kind', { resource: { group: 'apps', version: 'v1', resource: 'deployments' } }],
  ])('%s is not let through by mistake', async (_what, change) => {
    expect(await mutate(pod, change)).toMatchObject({ allowed: false, status: { code: 400 } })
  })
})

describe('about resources of ours', () => {
  const spec = mapOf(policy['spec'])

  test('one that is valid passes', async () => {
    expect(await validate(policy)).toMatchObject({ allowed: true, operations: [] })
  })

  test('an unknown field is refused by its path, with the name that was meant', async () => {
    const { allowed, status } = await validate({ ...policy, spec: { ...spec, targetRef: [] } })
    expect(allowed).toBe(false)
    expect(status).toEqual({
      status: 'Failure',
      code: 422,
      message:
        'this AccessPolicy is not valid: spec.targetRef is not a known field (did you mean targetRefs?)',
    })
  })

  test('all that is wrong is said at once', async () => {
    const { status } = await validate({ ...policy, spec: { ...spec, mod: 1, targetRefs: [] } })
    expect(status?.message).toContain('spec.mod')
    expect(status?.message).toContain('spec.targetRefs')
  })

  test('a kind that this version does not know is refused', async () => {
    const { allowed } = await validate({ ...policy, kind: 'OAuthClient' })
    expect(allowed).toBe(false)
  })

  test('labels of one that an older version took can be changed, its spec cannot', async () => {
    const old = { ...policy, spec: { ...spec, older: true } }
    const change = { operation: 'UPDATE', oldObject: old }
    const labelled = { ...old, metadata: { ...mapOf(policy['metadata']), labels: { a: 'b' } } }
    expect(await validate(labelled, change)).toMatchObject({ allowed: true })
    const edited = { ...old, spec: { ...old.spec, older: false } }
    expect(await validate(edited, change)).toMatchObject({ allowed: false })
  })

  test('a flood of problems is told in bounded words', async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`unknown${n}`, n]))
    const { allowed, status } = await validate({ ...policy, spec: { ...spec, ...many } })
    expect(allowed).toBe(false)
    expect(status?.message.length).toBeLessThan(4000)
  })
})

describe('what is no question', () => {
  test.each([
    ['GET', 405, { method: 'GET', body: '' }],
    ['another path', 404, { path: '/', body: reviewOf(pod) }],
    ['another type', 415, { headers: { 'content-type': 'text/yaml' }, body: reviewOf(pod) }],
    ['no JSON', 400, { body: '{' }],
    ['no review', 400, { body: JSON.stringify(pod) }],
    ['an older version', 400, { body: reviewOf(pod).replace('k8s.io/v1"', 'k8s.io/v1beta1"') }],
    ['more than 4 MiB', 413, { body: reviewOf({ ...pod, x: 'x'.repeat(9_000_000) }) }],
  ])('%s is answered %i', async (_what, status, question) => {
    expect(await server.ask(question)).toMatchObject({ status })
  })
})

test('a mistake of ours is an answer that allows nothing', async () => {
  await using broken = await startWebhook({
    get: () => {
      throw new Error('a mistake')
    },
    fetch: () => Promise.resolve(undefined),
    problem: () => undefined,
  })
  const answer = await broken.ask({ body: reviewOf(pod) })
  expect(answer.status).toBe(200)
  expect(responseOf(answer)).toMatchObject({ allowed: false, status: { code: 500 } })
  expect(answer.text).not.toContain('a mistake"')
})

import { afterEach, expect, test } from 'vitest'
import { startStubApi } from '../../test/support/stub-api.ts'
import { apply, type ApplyOptions, type Intent } from './apply.ts'
import { pathOf, type Resource } from './resource.ts'

const closers: (() => PromiseLike<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const policies: Resource = {
  group: 'tokenward.dev',
  version: 'v1alpha1',
  plural: 'accesspolicies',
  kind: 'AccessPolicy',
  isNamespaced: true,
}

/** The request that an apply makes. */
async function sent(object: Intent, options: Partial<ApplyOptions> = {}) {
  const stub = await startStubApi(() => ({ status: 200 }))
  closers.push(() => stub[Symbol.asyncDispose]())
  await apply(stub.client, { resource: policies, object }, { fieldManager: 'us', ...options })
  const [seen] = stub.api.seen
  const { pathname, searchParams } = new URL(seen?.path ?? '', 'https://a')
  return { ...seen, pathname, query: Object.fromEntries(searchParams) }
}

const metadata = { name: 'orders', namespace: 'shop' }

test('an apply names its manager, its kind and the object, and takes fields by force', async () => {
  const request = await sent({ metadata, spec: { a: 1 } })
  expect(request).toMatchObject({
    method: 'PATCH',
    pathname: '/apis/tokenward.dev/v1alpha1/namespaces/shop/accesspolicies/orders',
    query: { fieldManager: 'us', force: 'true' },
    contentType: 'application/apply-patch+yaml',
  })
  expect(JSON.parse(request.body ?? '')).toEqual({
    apiVersion: 'tokenward.dev/v1alpha1',
    kind: 'AccessPolicy',
    metadata,
    spec: { a: 1 },
  })
})

test('status, version, dry run and no force are what they are asked to be', async () => {
  const options = { subresource: 'status', resourceVersion: '7', force: false, dryRun: true }
  const request = await sent({ metadata, status: {} }, options)
  expect(request.pathname).toMatch(/\/orders\/status$/)
  expect(request.query).toEqual({ fieldManager: 'us', force: 'false', dryRun: 'All' })
  expect(JSON.parse(request.body ?? '')).toMatchObject({ metadata: { resourceVersion: '7' } })
})

test('what a YAML reader refuses is escaped, and means the same', async () => {
  const odd = 'a\u007fb\u0085c\u009fd\ufeffe\uffff\u2028é😀'
  const { body = '' } = await sent({ metadata, spec: { odd } })
  expect(body).not.toMatch(/[\u007f-\u009f\ufeff\ufffe\uffff]/)
  expect(JSON.parse(body)).toMatchObject({ spec: { odd } })
})

test('a name cannot leave its path', () => {
  expect(pathOf(policies, { namespace: '../a', name: 'b/status?c' })).toBe(
    '/apis/tokenward.dev/v1alpha1/namespaces/..%2Fa/accesspolicies/b%2Fstatus%3Fc',
  )
  for (const name of ['', '.', '..']) {
    expect(() => pathOf(policies, { namespace: 'a', name })).toThrow('is no name')
    expect(() => pathOf(policies, { namespace: name })).toThrow('is no name')
  }
})

test('one of a namespace is not named without it, nor one of the cluster with one', () => {
  expect(() => pathOf(policies, { name: 'a' })).toThrow('is named with a namespace')
  const cluster = { ...policies, isNamespaced: false }
  expect(() => pathOf(cluster, { namespace: 'a', name: 'b' })).toThrow('without a namespace')
  expect(pathOf(cluster, { name: 'b' })).toBe('/apis/tokenward.dev/v1alpha1/accesspolicies/b')
})

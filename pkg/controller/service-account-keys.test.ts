import { afterEach, expect, test } from 'vitest'
import { startStubApi, statusOf, type StubApi } from '../../test/support/stub-api.ts'
import { until } from '../../test/support/until.ts'
import { generateSigningKey } from '../token/keys.ts'
import { followServiceAccountKeys, type ServiceAccountKeys } from './service-account-keys.ts'

const issuer = 'https://kubernetes.default.svc'
let stub: StubApi | undefined
let followed: ServiceAccountKeys | undefined
afterEach(async () => {
  followed?.close()
  await stub?.[Symbol.asyncDispose]()
})

interface Server {
  keys: readonly unknown[]
  status: number
}

let nowMs = 0
let changes = 0
async function follow(server: Server): Promise<ServiceAccountKeys> {
  nowMs = 0
  changes = 0
  stub = await startStubApi(({ path }) => {
    if (server.status !== 200) return { status: server.status, body: statusOf(500, 'Broken') }
    return { status: 200, body: path.endsWith('/jwks') ? { keys: server.keys } : { issuer } }
  })
  followed = followServiceAccountKeys({
    client: stub.client,
    log: stub.log,
    onChange: () => (changes += 1),
    monotonicMs: () => nowMs,
    random: () => 0,
  })
  return followed
}
const fetches = (): number =>
  stub?.api.seen.filter(({ path }) => path.endsWith('/jwks')).length ?? 0

test('issuer and keys of the cluster are known, and the same object while they are the same', async () => {
  const key = generateSigningKey().publicJwk
  const keys = await follow({ keys: [key], status: 200 })
  await until('they are known', () => keys.current() !== undefined)
  expect(keys.current()).toEqual({ issuer, keys: [key] })
  const before = keys.current()
  nowMs = 31_000
  keys.missing()
  await until('they are fetched again', () => fetches() === 2)
  await until('it is over', () => keys.problem() === undefined)
  expect(keys.current()).toBe(before)
  expect(changes).toBe(1)
})

test('a key that is missed is fetched, but not twice within half a minute', async () => {
  const server = { keys: [generateSigningKey().publicJwk], status: 200 }
  const keys = await follow(server)
  await until('they are known', () => keys.current() !== undefined)
  server.keys = [...server.keys, generateSigningKey().publicJwk]
  keys.missing()
  nowMs = 29_000
  keys.missing()
  // What had been asked for would have come before this.
  await stub?.client.request({ method: 'GET', path: '/.well-known/openid-configuration' })
  await stub?.client.request({ method: 'GET', path: '/.well-known/openid-configuration' })
  expect(fetches()).toBe(1)
  nowMs = 31_000
  keys.missing()
  keys.missing()
  await until('the new one is known', () => keys.current()?.keys.length === 2)
  expect(fetches()).toBe(2)
})

test('a fetch that fails is told and tried again; what came last stays', async () => {
  const server = { keys: [generateSigningKey().publicJwk], status: 200 }
  const keys = await follow(server)
  await until('they are known', () => keys.current() !== undefined)
  server.status = 500
  nowMs = 31_000
  keys.missing()
  await until('it is told', () => keys.problem() !== undefined)
  expect(keys.problem()).toContain("the API server's keys of service-account tokens cannot be had")
  expect(keys.current()?.keys).toHaveLength(1)
  server.status = 200
  await until('it is over', () => keys.problem() === undefined)
})

test.each([
  ['no keys', []],
  ['what is no list', 'x'],
])('%s are not taken for keys', async (_what, served) => {
  const keys = await follow({ keys: served as readonly unknown[], status: 200 })
  await until('it is told', () => keys.problem() !== undefined)
  expect(keys.current()).toBeUndefined()
})

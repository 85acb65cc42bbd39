import { afterEach, expect, test } from 'vitest'
import { quietLog } from '../../test/support/discovery.ts'
import { createKeySource, type KeySource } from '../issuers/key-source.ts'
import { generateSigningKey } from '../token/keys.ts'
import { createRefetch } from './refetch.ts'

const trust = {
  name: 'corp',
  issuer: 'https://corp.example',
  jwksUri: 'https://corp.example/jwks',
  algorithms: ['ES256'],
  subjectPrefix: '',
  foreignPrefixes: [],
  subjectClaim: 'sub',
  audiences: {},
}
const old = generateSigningKey('old').publicJwk
const next = generateSigningKey('next').publicJwk

let keySource: KeySource
afterEach(() => keySource.close())

/** Keys that were fetched once, half a minute and more ago; `answer` is what the issuer says since. */
async function start(answer: () => string) {
  let nowMs = 0
  const answers = [() => JSON.stringify({ keys: [old] }), answer]
  keySource = createKeySource({
    fetch: {
      text: async () => Promise.resolve((answers.shift() ?? answer)()),
      close: () => Promise.resolve(),
    },
    log: quietLog(),
    nowMs: () => nowMs,
    schedule: () => () => undefined,
  })
  keySource.track([trust])
  await expect.poll(() => keySource.status('corp')?.keyIds).toEqual(['old'])
  nowMs = 31_000
  return createRefetch(keySource)
}

test('a key that has come meanwhile is there', async () => {
  const refetch = await start(() => JSON.stringify({ keys: [old, next] }))
  expect(await refetch('corp', 'next')).toBe(true)
})

test('a key that the issuer does not publish is not', async () => {
  const refetch = await start(() => JSON.stringify({ keys: [old] }))
  expect(await refetch('corp', 'next')).toBe(false)
  expect(await refetch('nobody', 'next')).toBe(false)
})

test('of an issuer that is away nobody can say', async () => {
  const refetch = await start(() => {
    throw new Error('connection refused')
  })
  await expect(refetch('corp', 'next')).rejects.toMatchObject({ reason: 'keys_unavailable' })
  // What is here still verifies.
  expect(await refetch('corp', 'old')).toBe(true)
})

/** Tokens that the authority issued itself come back at the next hop: only their signature is taken as known. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { generateSigningKey } from '../../pkg/token/keys.ts'
import {
  authorityKey,
  corpInline,
  startAuthority,
  type TestAuthority,
} from '../support/authority.ts'
import { shop } from '../support/world.ts'

let authority: TestAuthority
beforeEach(async () => {
  authority = await startAuthority()
})
afterEach(() => authority.close())

/** Web acts for alice at orders, as it was issued. */
async function issued(): Promise<string> {
  const answer = await authority.exchange('web', 'orders', {
    subject_token: authority.corpToken({ scope: 'shop:buy' }),
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  })
  expect(answer).toMatchObject({ status: 200 })
  return String(answer.body['access_token'])
}

const onwards = (token: string, client = 'orders') =>
  authority.exchange(client, 'payments', { subject_token: token })
const refused = { status: 400, body: { reason: 'subject_token' } }

test('what was issued here is exchanged at the next hop', async () => {
  expect(await onwards(await issued())).toMatchObject({ status: 200 })
})

test('with one character of its signature changed it is not', async () => {
  const token = await issued()
  const at = token.length - 20
  const other = `${token.slice(0, at)}${token[at] === 'x' ? 'y' : 'x'}${token.slice(at + 1)}`
  expect(await onwards(other)).toMatchObject(refused)
  expect(await onwards(token)).toMatchObject({ status: 200 })
})

test('who presents it is judged: a client that it is not for is refused', async () => {
  const token = await issued()
  expect(await onwards(token, 'payments')).toMatchObject({ status: 400 })
  expect(await onwards(token)).toMatchObject({ status: 200 })
})

test('once it has ended it is refused', async () => {
  const token = await issued()
  authority.clock.nowSeconds += 3600
  expect(await onwards(token)).toMatchObject(refused)
})

test('once its key is withdrawn it is refused, and what the next key signs is not', async () => {
  const token = await issued()
  const next = generateSigningKey()
  const sections = authority.sectionsOf(shop({ issuers: [corpInline] }))
  authority.signWith(next)
  const published = [authorityKey.publicJwk, next.publicJwk]
  authority.state.apply({ ...sections, keys: { ...sections.keys, keys: published } })
  expect(await onwards(token)).toMatchObject({ status: 200 })
  authority.state.apply({ ...sections, keys: { ...sections.keys, keys: [next.publicJwk] } })
  expect(await onwards(token)).toMatchObject(refused)
  expect(await onwards(await issued())).toMatchObject({ status: 200 })
})

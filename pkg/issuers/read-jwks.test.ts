import { expect, test } from 'vitest'
import { generateSigningKey } from '../token/keys.ts'
import { readJwks } from './read-jwks.ts'

const { publicJwk } = generateSigningKey('a')
const read = (keys: unknown): ReturnType<typeof readJwks> =>
  readJwks(JSON.stringify({ keys }), ['ES256'])

test('public members of usable keys are kept, and nothing else', () => {
  const shown = { ...publicJwk, x5c: ['MII'], note: 'x', key_ops: ['verify'] }
  expect(read([shown, { kty: 'oct', k: 'AA' }, 7])).toEqual({
    keys: [publicJwk],
    keyIds: ['a'],
  })
})

test('nothing of a key that nests comes along, whatever its depth', () => {
  const depth = 60_000
  const deep = `["verify",${'['.repeat(depth)}${']'.repeat(depth)}]`
  const text = JSON.stringify({ keys: [{ ...publicJwk, key_ops: 'here' }] })
  expect(readJwks(text.replace('"here"', deep), ['ES256']).keys).toEqual([publicJwk])
})

test('a key that is not for verifying is left out', () => {
  expect(read([{ ...publicJwk, key_ops: ['sign'] }]).keys).toEqual([])
})

test('keys that share a kid are passed on, so that the verifier sees that they do', () => {
  const twin = generateSigningKey('a').publicJwk
  expect(read([publicJwk, twin])).toEqual({ keys: [publicJwk, twin], keyIds: [] })
})

test('no more than 64 keys are read', () => {
  const many = Array.from({ length: 70 }, (_, index) => ({ ...publicJwk, kid: `k${index}` }))
  expect(read(many).keys).toHaveLength(64)
})

test.each(['', 'null', '[]', '"keys"', '{}', '{"keys":null}', '{"keys":{"length":1}}'])(
  '%s is not a key set',
  (text) => {
    expect(() => readJwks(text, ['ES256'])).toThrow('the answer is not')
  },
)

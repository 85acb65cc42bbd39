import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextDelayMs } from './backoff.ts'
import { diffOf, withDelta } from './delta.ts'
import { canonicalJson, hashOf } from './hash.ts'
import { withUpdate } from './held.ts'
import { isBehind, shownTo } from './revision.ts'
import type { Update } from './wire.ts'

test('equal values have one hash, whatever the order of their keys', () => {
  expect(hashOf({ a: 1, b: [{ c: 2, d: undefined }] })).toBe(hashOf({ b: [{ c: 2 }], a: 1 }))
  expect(hashOf({ a: 1 })).not.toBe(hashOf({ a: 2 }))
})

test('canonical JSON is JSON of the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain: unknown = JSON.parse(JSON.stringify(value))
      expect(JSON.parse(canonicalJson(plain))).toEqual(plain)
    }),
  )
})

test('a delta makes of the old what the new is', () => {
  const section = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 8 })
  fc.assert(
    fc.property(section, section, (before, after) => {
      const [from, to] = JSON.parse(JSON.stringify([before, after])) as [
        typeof before,
        typeof after,
      ]
      const sent = JSON.parse(JSON.stringify(diffOf('base', from, to))) as ReturnType<typeof diffOf>
      expect(hashOf(withDelta(from, sent))).toBe(hashOf(to))
    }),
  )
})

test('a delta names only what changed', () => {
  expect(diffOf('h', { a: { x: 1 }, b: 2, c: 3 }, { a: { x: 1 }, b: 9 })).toEqual({
    base: 'h',
    set: { b: 9 },
    remove: ['c'],
  })
})

const seen = { epoch: 2, versions: { Pod: 5, AccessPolicy: 7 } }
test.each([
  ['the same', seen, false],
  ['newer in one kind', { epoch: 2, versions: { Pod: 6, AccessPolicy: 7 } }, false],
  [
    'newer in one kind, older in another',
    { epoch: 2, versions: { Pod: 6, AccessPolicy: 6 } },
    true,
  ],
  ['without a kind that was seen', { epoch: 2, versions: { Pod: 6 } }, true],
  ['of a higher epoch, whatever the rest', { epoch: 3, versions: {} }, false],
  [
    'of a lower epoch, whatever the rest',
    { epoch: 1, versions: { Pod: 9, AccessPolicy: 9 } },
    true,
  ],
])('a view that is %s: behind is %s', (_what, view, behind) => {
  expect(isBehind(view, seen)).toBe(behind)
})

test('who has seen nothing believes anything', () => {
  expect(isBehind({ epoch: 0, versions: {} }, undefined)).toBe(false)
})

const at = (versions: Readonly<Record<string, number>>, epoch = 1) => ({ epoch, versions })

test('a view is never shown as older than what its client has seen', () => {
  expect(shownTo(at({ Pod: 5, Service: 9 }), undefined)).toEqual(at({ Pod: 5, Service: 9 }))
  expect(shownTo(at({ Pod: 5, Service: 9 }), at({ Pod: 7, Service: 8 }))).toEqual(
    at({ Pod: 7, Service: 9 }),
  )
})

test('a view of a new epoch is shown as what it is', () => {
  expect(shownTo(at({ Pod: 5 }, 2), at({ Pod: 7 }))).toEqual(at({ Pod: 5 }, 2))
})

test('one address: the first retry is fast, later ones wait longer, none over 15 s', () => {
  const delays = [0, 1, 2, 3, 10, 1000].map((failures) => nextDelayMs(failures, 1, () => 1))
  expect(delays).toEqual([200, 400, 800, 1600, 15_000, 15_000])
  expect(nextDelayMs(5, 1, () => 0)).toBe(0)
})

test('several addresses: the others of a round are tried at once', () => {
  expect([0, 1, 2, 3, 4, 5].map((failures) => nextDelayMs(failures, 3, () => 1))).toEqual([
    0, 0, 200, 0, 0, 400,
  ])
})

const held = (value: object): { hash: string; value: object } => ({ hash: hashOf(value), value })
const complete = {
  rules: held({ r: 1 }),
  routes: held({ r: 2 }),
  addresses: held({ a: 1 }),
  keys: held({ k: 1 }),
  issuers: held({ i: 1 }),
  trust: held({ t: 1 }),
}
const update = (sections: Update['sections']): Update => ({
  type: 'update',
  revision: { epoch: 1, versions: {} },
  sections,
})

test('an update replaces its sections and leaves the others', () => {
  const next = withUpdate('sidecar', complete, update({ keys: held({ k: 2 }) }))
  expect(next).toEqual({ ...complete, keys: held({ k: 2 }) })
})

test('a delta of the base that is held is merged', () => {
  const delta = { base: complete.addresses.hash, set: { b: 2 }, remove: ['a'] }
  const next = withUpdate(
    'sidecar',
    complete,
    update({ addresses: { hash: hashOf({ b: 2 }), delta } }),
  )
  expect(next.addresses?.value).toEqual({ b: 2 })
})

test.each([
  ['a first update that is not complete', {}, { rules: held({}) }, 'section routes is missing'],
  [
    'a delta of another base',
    complete,
    { addresses: { hash: 'h', delta: { base: 'other', set: {}, remove: [] } } },
    'the delta of section addresses is of another base',
  ],
  [
    'a delta whose result is not what its hash says',
    complete,
    { addresses: { hash: 'h', delta: { base: complete.addresses.hash, set: {}, remove: [] } } },
    'section addresses is not what its hash says',
  ],
  [
    'a value that is not what its hash says',
    complete,
    { rules: { hash: complete.rules.hash, value: { r: 9 } } },
    'section rules is not what its hash says',
  ],
  [
    'a value that is no object',
    complete,
    { rules: { hash: 'h', value: 1 } },
    'section rules is not what its hash says',
  ],
])('%s is refused', (_what, before, sections, message) => {
  expect(() => withUpdate('sidecar', before, update(sections))).toThrow(message)
})

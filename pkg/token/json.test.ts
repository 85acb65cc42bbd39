import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseObject } from './json.ts'

test.each([
  '{}',
  '{"a":1}',
  ' {"a" : [ {"b":":"}, {"b":"\\":{"} ] } ',
  '{"a":{"a":1},"b":{"a":1}}',
  '{"__proto__":1,"constructor":2}',
  '{"1":1,"0":2}',
  '{"a\\\\":1,"a":2}',
])('%s is an object with unique members', (text) => {
  expect(parseObject(text)).toEqual(JSON.parse(text))
})

test.each([
  ['the same name twice', '{"a":1,"a":1}'],
  ['the same name twice, once escaped', '{"a":1,"\\u0061":2}'],
  ['the same name twice further in', '{"x":[0,{"b":{"a":1,"a":2}}]}'],
  ['a repeated name that hides members', '{"a":{"b":1,"c":2},"a":1}'],
  ['a repeated __proto__', '{"__proto__":1,"__proto__":2}'],
  ['a list at the top', '[{"a":1}]'],
  ['text at the top', '"a:b"'],
  ['null', 'null'],
  ['a trailing comma', '{"a":1,}'],
  ['two values', '{"a":1}{"b":2}'],
  ['a byte order mark', '\ufeff{"a":1}'],
  ['nothing', ''],
  ['an open string', '{"a'],
  ['an escape at the end', '{"a\\'],
])('%s is refused', (_, text) => {
  expect(parseObject(text)).toBeUndefined()
})

test('nesting of the bound is read, one level more is not, and a million levels cost nothing', () => {
  const nested = (depth: number): string => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`
  expect(parseObject(nested(16))).toBeDefined()
  expect(parseObject(nested(17))).toBeUndefined()
  expect(parseObject(nested(3), 2)).toBeUndefined()
  expect(parseObject('{"a":' + '['.repeat(1_000_000))).toBeUndefined()
})

test('whatever JSON.stringify writes of an object is read back', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
      const text = JSON.stringify(value, null, 1)
      expect(parseObject(text)).toEqual(JSON.parse(text))
    }),
  )
})

test('whatever member of an object is written twice, it is refused', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }),
      fc.nat(),
      fc.jsonValue({ maxDepth: 2 }),
      (value, pick, other) => {
        const names = Object.keys(value)
        const name = names[pick % names.length] ?? ''
        const text = JSON.stringify(value)
        const again = `${text.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(other)}}`
        expect(parseObject(again)).toBeUndefined()
      },
    ),
  )
})

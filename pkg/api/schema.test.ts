import { expect, test } from 'vitest'
import { patternWords } from './pattern-words.ts'
import { createSchemaCheck } from './schema.ts'
import { schemas } from './schemas.ts'

test('what no keyword here checks stops the program instead of going unchecked', () => {
  const check = (schema: object) => () => createSchemaCheck(schema)(1, 'spec')
  expect(check({ type: 'object', 'x-kubernetes-int-or-string': true })).toThrow(
    'nothing here checks',
  )
  const rule = { rule: 'self.a > 1', message: 'a' }
  expect(check({ type: 'object', 'x-kubernetes-validations': [rule] })).toThrow(
    'nothing here checks',
  )
})

test('every pattern of crds/ has words', () => {
  const patterns = new Set(JSON.stringify(schemas).match(/(?<="pattern":)"(?:[^"\\]|\\.)*"/g))
  expect(patterns.size).toBeGreaterThan(5)
  for (const pattern of patterns) {
    expect(patternWords(JSON.parse(pattern) as string)).not.toContain('matches')
  }
})

interface Visited {
  readonly type: string
  readonly properties?: Readonly<Record<string, object>>
  readonly items?: object
}

test('every list, text and map of crds/ has a bound', () => {
  const unbounded: string[] = []
  const visit = (schema: object, path: string): void => {
    const { type: word, properties, items, ...rest } = schema as Visited
    if (word === 'array' && !('maxItems' in rest)) unbounded.push(path)
    if (word === 'string' && !('maxLength' in rest || 'enum' in rest)) unbounded.push(path)
    if (word === 'object' && properties === undefined && !('maxProperties' in rest)) {
      unbounded.push(path)
    }
    for (const [name, member] of Object.entries(properties ?? {})) {
      visit(member, `${path}.${name}`)
    }
    if (items !== undefined) visit(items, `${path}[]`)
  }
  for (const [kind, { spec }] of Object.entries(schemas)) visit(spec, kind)
  expect(unbounded).toEqual([])
})

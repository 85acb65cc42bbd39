import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { readCrds, type Crd, type Schema } from './crds.ts'
import { schemasOf } from './schemas.ts'
import { typesOf } from './types.ts'

const crdOf = (spec: Schema): Crd => ({
  group: 'tokenward.dev',
  scope: 'Namespaced',
  names: { kind: 'Thing', shortNames: ['th'] },
  version: 'v1alpha1',
  schema: { type: 'object', properties: { spec: { title: 'ThingSpec', ...spec } } },
})

test('a description becomes a comment, a title a type, what is not required optional', () => {
  const part: Schema = {
    title: 'Part',
    description: 'One of several.',
    type: 'object',
    required: ['mode'],
    properties: {
      mode: { title: 'Mode', type: 'string', enum: ['On', 'Off'] },
      count: { description: 'How many.', type: 'integer' },
    },
  }
  const text = typesOf([
    crdOf({ type: 'object', properties: { parts: { type: 'array', items: part } } }),
  ])
  expect(text).toContain('/** One of several. */\nexport interface Part {')
  expect(text).toContain('readonly parts?: readonly Part[]')
  expect(text).toContain('readonly mode: Mode')
  expect(text).toContain("export type Mode = 'On' | 'Off'")
  expect(text).toContain('/** How many. */\nreadonly count?: number')
})

test('two different schemas of one title stop the generator', () => {
  const one: Schema = { title: 'Part', type: 'object', properties: { a: { type: 'string' } } }
  const two: Schema = { title: 'Part', type: 'object', properties: { b: { type: 'string' } } }
  const spec: Schema = { type: 'object', properties: { one, two } }
  expect(() => typesOf([crdOf(spec)])).toThrow('two schemas are titled Part')
})

test('the schema that the parser runs has no words and all bounds', () => {
  const text = schemasOf(readCrds('crds'))
  expect(text).not.toContain('"description"')
  expect(text).toContain('"maxItems":16')
  expect(text).toContain('"x-kubernetes-list-map-keys":["name"]')
})

test('what is generated is up to date: otherwise run make generate', () => {
  const run = () =>
    execFileSync(process.execPath, ['cmd/generate/main.ts', '--check'], { stdio: 'pipe' })
  expect(run).not.toThrow()
})

import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseResources } from '../../pkg/api/parse.ts'
import { parseTemplate } from '../../pkg/policy/path.ts'

/** One corpus for everything that judges resources: our parser here, a real API server elsewhere. */
function corpus(folder: string): readonly (readonly [string, string])[] {
  const path = `test/fixtures/${folder}`
  return readdirSync(path).map((name) => [name, readFileSync(`${path}/${name}`, 'utf8')])
}

function parse(name: string, text: string) {
  return parseResources(text, name, { parseTemplate })
}

describe('valid resources are accepted', () => {
  test.each(corpus('valid'))('%s', (name, text) => {
    const { resources, problems, warnings } = parse(name, text)
    expect(problems).toEqual([])
    expect(warnings).toEqual([])
    expect(resources.length).toBeGreaterThan(0)
  })
})

/** What the head of an invalid file says: layer, path and reason of each problem. */
function heads(text: string) {
  const head = /^# layer: (schema|cel|webhook)\n# path: (.+)\n# reason: (.+)\n/gm
  return [...text.matchAll(head)].map(([, layer, path, reason = '']) => ({ layer, path, reason }))
}

describe('invalid resources are refused for the reason that they name, and for no other', () => {
  test.each(corpus('invalid'))('%s', (name, text) => {
    const { resources, problems } = parse(name, text)
    const expected = heads(text)
    expect(resources).toEqual([])
    expect(expected.length).toBeGreaterThan(0)
    expect(problems.map(({ path }) => path).sort()).toEqual(expected.map(({ path }) => path).sort())
    for (const { path, reason } of expected) {
      expect(problems.find((problem) => problem.path === path)?.message).toContain(reason)
    }
    const lines = text.split('\n').length
    for (const { line, column } of problems) {
      expect(line).toBeGreaterThan(3)
      expect(line).toBeLessThanOrEqual(lines)
      expect(column).toBeGreaterThan(0)
    }
  })
})

test('the corpus is as large as it is meant to be', () => {
  expect(corpus('valid').length).toBeGreaterThanOrEqual(25)
  expect(corpus('invalid').length).toBeGreaterThanOrEqual(50)
})

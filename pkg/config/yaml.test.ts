import { describe, expect, test } from 'vitest'
import { parseYaml } from './yaml.ts'

const problemsOf = (text: string) =>
  parseYaml(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`)

describe('texts that are refused, and where', () => {
  test.each([
    ['a key twice', 'a: 1\nb:\n  c: 1\n  c: 2\n', '4:3 repeats a key of the same map'],
    ['a key twice, quoted once', 'a: 1\n"a": 2\n', '2:1 repeats a key of the same map'],
    ['a list as key', '? [a]\n: 1\n', '1:3 has a key that is not a plain value'],
    ['65 levels', '['.repeat(66) + ']'.repeat(66), '1:66 is nested deeper than 64 levels'],
    ['levels that overflow a stack', '['.repeat(100_000), 'is nested deeper than 64 levels'],
    ['aliases of aliases', laughs(), '1:1 expands more than 100 aliases'],
    ['an alias of itself', 'a: &a [*a]\n', '1:8 is an alias of what contains it'],
    ['an alias of nothing', 'a: *b\n', '1:4 is an alias of nothing'],
    ['over 1 MiB', `a: ${'x'.repeat(1024 * 1024)}`, '1:1 is larger than 1 MiB'],
    ['a quote that does not end', 'a: "b\n', '2:1 Missing closing "quote'],
    ['a tab for blanks', 'a:\n\t- b\n', '2:1 Tabs are not allowed as indentation'],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)[0]).toContain(problem)
    expect(parseYaml(text).documents).toEqual([])
  })

  function laughs(): string {
    const row = (name: string, of: string) =>
      `${name}: &${name} [${Array(9).fill(of).join(', ')}]\n`
    return row('a', '1') + row('b', '*a') + row('c', '*b') + row('d', '*c')
  }
})

describe('texts that are read', () => {
  test('64 levels and a few aliases are within bounds', () => {
    expect(problemsOf('['.repeat(64) + ']'.repeat(64))).toEqual([])
    expect(parseYaml('a: &a [1]\nb: [*a, *a]\n').documents[0]?.value).toEqual({
      a: [1],
      b: [[1], [1]],
    })
  })

  test('several documents, empty ones left out; one that is broken takes no other with it', () => {
    const { documents, problems } = parseYaml('# nothing\n---\na: 1\n---\n---\nb: [\n---\nc: 3\n')
    expect(documents.map(({ value }) => value)).toContainEqual({ a: 1 })
    expect(problems[0]?.line).toBeGreaterThan(5)
  })

  test('a key that an object inherits is a key like any other', () => {
    const value = parseYaml('__proto__: { a: 1 }\nconstructor: 2\n').documents[0]?.value as object
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor'])
    expect('a' in value).toBe(false)
  })

  test('words that YAML 1.1 took for true or false stay texts', () => {
    expect(parseYaml('a: [yes, on, n]').documents[0]?.value).toEqual({ a: ['yes', 'on', 'n'] })
  })

  test('JSON is YAML', () => {
    expect(parseYaml('{"a": ["b", null]}').documents[0]?.value).toEqual({ a: ['b', null] })
  })
})

describe('where a field stands', () => {
  const text = 'a:\n  - b: 1\n    c: { d: 2 }\n  - &x { e: 3 }\nf: *x\n---\ng: 1\n'
  const [first, second] = parseYaml(text).documents
  test.each([
    ['its key', ['a', 0, 'c', 'd'], 3, 10],
    ['an entry of a list', ['a', 1], 4, 8],
    ['what is missing: the deepest part that is there', ['a', 0, 'x', 'y'], 2, 5],
    ['past the end of a list: the list', ['a', 7], 1, 1],
    ['below an alias: what it stands for', ['f', 'e'], 4, 10],
    ['the document', [], 1, 1],
  ])('%s', (_, path, line, column) => {
    expect(first?.locate(path)).toEqual({ line, column })
  })

  test('lines count from the start of the text, in every document', () => {
    expect(second?.locate(['g'])).toEqual({ line: 7, column: 1 })
  })
})

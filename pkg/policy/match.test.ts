import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { features, judgesPath, matchesPublic, matchRules, templateOf } from './match.ts'
import { parseTemplate } from './path.ts'
import type { CompiledOperation, OutboundRule } from './workload-policy.ts'

const row = (
  paths: readonly string[] | undefined,
  methods?: readonly string[],
): CompiledOperation => ({
  ...(methods === undefined ? {} : { methods }),
  ...(paths === undefined
    ? {}
    : {
        paths: paths.map((text) => {
          const template = parseTemplate(text)
          if (template.problem !== undefined) throw new Error(template.problem)
          return template
        }),
      }),
  scopes: [],
})

const rule = (name: string, more: Partial<OutboundRule> = {}): OutboundRule => ({
  policy: 'shop/p',
  rule: name,
  needs: [],
  delegation: 'Allowed',
  operations: [row(undefined)],
  scopes: [],
  ...more,
})

describe('a template covers', () => {
  const table: [string, string, boolean][] = [
    ['/', '/', true],
    ['/', '/a', false],
    ['/charges', '/charges', true],
    ['/charges', '/charges/', false],
    ['/charges', '/charges/1', false],
    ['/charges', '/chargesx', false],
    ['/charges', '/Charges', false],
    ['/charges/', '/charges/', true],
    ['/charges/', '/charges', false],
    ['/charges/{id}', '/charges/1', true],
    ['/charges/{id}', '/charges/', false],
    ['/charges/{id}', '/charges', false],
    ['/charges/{id}', '/charges/1/', false],
    ['/charges/{id}', '/charges/1/x', false],
    ['/charges/{id}/**', '/charges/1', false],
    ['/charges/{id}/**', '/charges/1/', true],
    ['/charges/{id}/**', '/charges/1/a/b/', true],
    ['/charges/{id}/**', '/charges//', false],
    ['/**', '/', true],
    ['/**', '/a/b', true],
    ['/{a}/x', '/1/x', true],
    ['/{a}/x', '/1/y', false],
    ['/a%20b', '/a%20b', true],
  ]
  it.each(table)('%s, asked for %s: %s', (template, path, covers) => {
    expect(templateOf(row([template]), 'GET', path)).toBe(covers ? template : null)
  })

  it('the same as a plain reading of it, segment by segment', () => {
    const segment = fc.constantFrom('a', 'b', 'ab', '{x}', '')
    const templates = fc
      .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([parts, rest]) => '/' + [...parts, ...(rest ? ['**'] : [])].join('/'))
      .filter((text) => parseTemplate(text).problem === undefined)
    const paths = fc
      .array(fc.constantFrom('a', 'b', 'ab', 'c', ''), { minLength: 1, maxLength: 5 })
      .map((parts) => '/' + parts.join('/'))
    fc.assert(
      fc.property(templates, paths, (template, path) => {
        const wanted = template.slice(1).split('/')
        const given = path.slice(1).split('/')
        const rest = wanted.at(-1) === '**'
        const fixed = rest ? wanted.slice(0, -1) : wanted
        const long = rest ? given.length > fixed.length : given.length === fixed.length
        const expected =
          long && fixed.every((part, i) => (part === '{x}' ? given[i] !== '' : part === given[i]))
        expect(templateOf(row([template]), 'GET', path) !== null).toBe(expected)
      }),
    )
  })
})

describe('a row', () => {
  it('without methods covers every method', () => {
    expect(templateOf(row(['/a']), 'PATCH', '/a')).toBe('/a')
  })

  it('covers only its methods, in their case', () => {
    const get = row(['/a'], ['GET'])
    expect(templateOf(get, 'GET', '/a')).toBe('/a')
    expect(templateOf(get, 'get', '/a')).toBeNull()
    expect(templateOf(get, 'HEAD', '/a')).toBeNull()
  })

  it('without paths covers an ambiguous path, with paths it does not', () => {
    expect(templateOf(row(undefined), 'GET', null)).toBe('')
    expect(templateOf(row(['/**']), 'GET', null)).toBeNull()
  })
})

describe('matchRules', () => {
  it('gives every row of every rule that covers, in order', () => {
    const two = rule('two', { operations: [row(['/a']), row(['/b']), row(['/{x}'])] })
    const matches = matchRules([rule('one'), two], 'GET', '/a')
    expect(matches.map(({ rule }) => rule.rule)).toEqual(['one', 'two', 'two'])
    expect(matches[2]?.operation).toBe(two.operations[2])
  })

  it('never matches a rule that needs what is not known', () => {
    expect(features).not.toContain('telepathy')
    expect(matchRules([rule('one', { needs: ['telepathy'] })], 'GET', '/a')).toEqual([])
  })
})

it('a public operation covers as any other does', () => {
  const open = [row(['/healthz'], ['GET'])]
  expect(matchesPublic(open, 'GET', '/healthz')).toBe(true)
  expect(matchesPublic(open, 'GET', '/healthz/x')).toBe(false)
  expect(matchesPublic([], 'GET', '/healthz')).toBe(false)
})

describe('a port judges paths', () => {
  const inbound = (operations: readonly CompiledOperation[]) => ({
    ...rule('r', { operations }),
    audience: 'a',
    callers: {},
    maxActors: 4,
    issuers: [],
  })
  it('when a rule has a template', () => {
    expect(judgesPath({ rules: [inbound([row(undefined), row(['/a'])])], public: [] })).toBe(true)
    expect(judgesPath({ rules: [inbound([row(undefined)])], public: [] })).toBe(false)
  })
  it('when a public operation has one', () => {
    expect(judgesPath({ rules: [], public: [row(['/a'])] })).toBe(true)
    expect(judgesPath({ rules: [], public: [] })).toBe(false)
  })
})

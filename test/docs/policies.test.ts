import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { parseResources } from '../../pkg/api/parse.ts'
import { formatProblem } from '../../pkg/api/problem.ts'
import type { AccessPolicy, CustomResource, TrustedIssuer } from '../../pkg/api/types.ts'
import { runProgram } from '../../pkg/cli/program.ts'
import { compile } from '../../pkg/policy/compile.ts'
import { decide } from '../../pkg/policy/decide.ts'
import { parseTemplate } from '../../pkg/policy/path.ts'
import { account, corpToken, issuer, pod, service, shop } from '../support/world.ts'

/** The fenced blocks of a page. */
const blocksOf = (page: string, language: string): string[] =>
  [...readFileSync(page, 'utf8').matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , text = '']) => text)

const examples = ['README.md', 'docs/policies.md'].flatMap((page) =>
  blocksOf(page, 'yaml').map((text, index) => ({ page, number: index + 1, text })),
)

const isOf =
  <T extends CustomResource>(kind: T['kind']) =>
  (resource: { readonly kind: string }): resource is T =>
    resource.kind === kind

describe('examples of policies', () => {
  test('there are some of each page', () => {
    expect(new Set(examples.map(({ page }) => page)).size).toBe(2)
    expect(examples.length).toBeGreaterThan(4)
  })

  test.each(examples)('example $number of $page is accepted', ({ text }) => {
    const { resources, problems, warnings, notes } = parseResources(text, 'example.yaml', {
      parseTemplate,
    })
    expect([...problems, ...warnings, ...notes].map(formatProblem)).toEqual([])
    const found = resources.map(({ resource }) => resource)
    const policies = found.filter(isOf<AccessPolicy>('AccessPolicy'))
    const issuers = found.filter(isOf<TrustedIssuer>('TrustedIssuer'))
    expect(policies.length).toBeGreaterThan(0)
    const names = policies.flatMap(({ spec }) => spec.targetRefs.map(({ name }) => name))
    const { verdicts } = compile(
      shop({
        serviceAccounts: ['web', 'orders', 'payments'].map((name) => account('shop', name)),
        services: names.map((name) => service('shop', name)),
        pods: names.map((name) => pod('shop', name)),
        policies,
        issuers: issuers.length === 0 ? [issuer('corp')] : issuers,
      }),
    )
    for (const { conditions, problems: against } of verdicts) {
      expect(against).toEqual([])
      expect(conditions).toMatchObject([{ type: 'Accepted', status: 'True' }])
    }
    expect(verdicts.length).toBeGreaterThanOrEqual(policies.length)
  })
})

/** The cells of the table whose head has this text, marks of code left out. */
function rowsOf(page: string, head: string): string[][] {
  const text = readFileSync(page, 'utf8')
  const [, rows = ''] =
    /\n\| ---.*\n((?:\|.*\n)+)/.exec(text.slice(text.indexOf(`| ${head} |`))) ?? []
  return rows
    .trimEnd()
    .split('\n')
    .map((row) => row.split('|').slice(1, -1))
}

const pathsIn = (cell = ''): string[] => [...cell.matchAll(/`(\/[^`]*)`/g)].map(([, p = '']) => p)

describe('what the page says of templates', () => {
  const rows = rowsOf('docs/policies.md', 'template')
  test.each(rows)('%s', (template, covered, others) => {
    const [path = ''] = pathsIn(template)
    const parsed = parseTemplate(path)
    if (parsed.problem !== undefined) throw new Error(parsed.problem)
    const port = { rules: [], public: [{ paths: [parsed], scopes: [] }] }
    const outcome = (asked: string) => decide(port, { method: 'GET', path: asked }, undefined).kind
    for (const asked of pathsIn(covered)) expect([asked, outcome(asked)]).toEqual([asked, 'allow'])
    for (const asked of pathsIn(others)) expect([asked, outcome(asked)]).toEqual([asked, 'deny'])
  })
})

test.each([
  ['Required', 'allow', 'deny', 'deny'],
  ['Allowed', 'allow', 'allow', 'allow'],
  ['Forbidden', 'deny', 'allow', 'allow'],
] as const)(
  'what the page says of %s and tokens of a TrustedIssuer',
  (delegation, throughClient, itself, withoutClient) => {
    const rule = {
      policy: 'shop/web',
      rule: 'customers',
      needs: [],
      delegation,
      operations: [{ scopes: [] }],
      audience: 'http://web',
      callers: {},
      maxActors: 4,
      issuers: [{ name: 'corp', subjectPrefix: 'corp:', audiences: ['shop'] }],
    }
    const port = { rules: [rule], public: [], subjectIssuers: ['corp'] }
    const outcome = (more: Parameters<typeof corpToken>[0]) =>
      decide(port, { method: 'GET', path: '/' }, corpToken(more)).kind
    expect(outcome({ client: 'portal' })).toBe(throughClient)
    expect(outcome({ client: 'portal', subject: 'corp:portal' })).toBe(itself)
    expect(outcome({ client: '' })).toBe(withoutClient)
  },
)

describe('commands of the page', () => {
  const commands = blocksOf('docs/policies.md', 'sh').flatMap((text) => text.trim().split('\n'))
  test.each(commands)('%s', async (line) => {
    const [, argv = '', said = '', code] =
      /^tokenward (.*?) +# (.*), exit code (\d+)$/.exec(line) ?? []
    let text = ''
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString()
        done()
      },
    })
    const host = { version: '', env: {}, program: () => [], onSignal: () => undefined }
    const exit = await runProgram(argv.split(' '), { out: stream, error: stream }, host)
    expect({ exit, text }).toEqual({
      exit: Number(code),
      text: expect.stringContaining(said) as string,
    })
  })
})

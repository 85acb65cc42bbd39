import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseResources } from '../../pkg/api/parse.ts'
import { formatProblem } from '../../pkg/api/problem.ts'
import { parseTemplate } from '../../pkg/policy/path.ts'
import type { Random } from './http-grammar.ts'

/** The corpus of resources, which every run starts from. */
export function resourceTexts(): string[] {
  const folders = ['fixtures/valid', 'fixtures/invalid', 'fuzz/corpus/resource']
  return folders.flatMap((folder) => {
    const path = join(import.meta.dirname, '..', folder)
    return readdirSync(path).map((name) => readFileSync(join(path, name), 'utf8'))
  })
}

const odd = [
  ...[
    '',
    '~',
    'null',
    '{}',
    '[]',
    '[[',
    '{',
    '}',
    '"',
    "'",
    '- ',
    ': ',
    '? ',
    '&a',
    '*a',
    '*b',
    '<<: *a',
    '!!binary',
  ],
  ...[
    '!!set',
    '!<x>',
    '|',
    '>-',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '%TAG ! x\n',
    '\t',
    '\u0000',
    '\ufeff',
    '\ud800',
    '😀',
  ],
  ...[
    '__proto__: 1',
    'constructor: {}',
    'toString',
    '.nan',
    '.inf',
    '1e999',
    '0x10',
    '-0',
    '9007199254740993',
    '~1',
    '/',
  ],
  ...[
    'kind: List',
    'kind: Pod',
    'kind: TrustedIssuer',
    'apiVersion: v1',
    'items: [*a]',
    'spec: *a',
    'metadata: [1]',
  ],
  ...['a'.repeat(300), '['.repeat(200), '{a: '.repeat(90), '%2F', '{id}', '**', '# x'],
]

/** One to six changes: an odd piece put in, a line lost, doubled, moved in or taken from elsewhere. */
export function mutateText(random: Random, text: string, other: string): string {
  const lines = text.split('\n')
  const others = other.split('\n')
  for (let change = 0; change <= random(6); change++) {
    const at = random(lines.length)
    const line = lines[at] ?? ''
    const column = random(line.length + 1)
    const piece = odd[random(odd.length)] ?? ''
    const end = column + random(8)
    const make = [
      () => lines.splice(at, 1),
      () => lines.splice(at, 0, line),
      () => lines.splice(at, 0, others[random(others.length)] ?? ''),
      () => lines.splice(at, 1, ' '.repeat(random(6)) + line),
      () => lines.splice(at, 1, line.slice(0, column) + piece + line.slice(column)),
      () => lines.splice(at, 1, line.slice(0, column) + piece + line.slice(end)),
      () => lines.splice(at, 1, line.slice(0, column) + line.slice(end)),
      () =>
        lines.splice(
          at,
          1,
          line.replace(/: .*/, () => `: ${piece}`),
        ),
    ]
    make[random(make.length)]?.()
  }
  return lines.join('\n')
}

const maxMs = 2_000

/** What is wrong with how a text was read; undefined: nothing. A throw is the caller's to see. */
export function judgeText(text: string): string | undefined {
  const start = performance.now()
  const parsed = parseResources(text, 'fuzz.yaml', { parseTemplate })
  if (performance.now() - start > maxMs) return `took longer than ${maxMs} ms`
  const lineCount = text.split(/\r\n|\r|\n/).length + 1
  for (const problem of [...parsed.problems, ...parsed.warnings, ...parsed.notes]) {
    const { line, column, message } = problem
    const inside = line >= 1 && line <= lineCount && column >= 1 && message !== ''
    if (!inside) return `a problem stands nowhere: ${formatProblem(problem)}`
    if (/[\r\n]/.test(formatProblem(problem))) return 'a problem takes more than one line'
  }
  for (const located of parsed.resources) {
    const { resource } = located
    located.locate('spec.rules[0].from[1].serviceAccount')
    const again = parseResources(JSON.stringify(resource), 'again.yaml', { parseTemplate })
    if (!('apiVersion' in resource)) continue
    const same = JSON.stringify(again.resources[0]?.resource) === JSON.stringify(resource)
    const named = resource.metadata.uid !== '' && resource.metadata.resourceVersion !== ''
    if (named && !same) return `is not read again as it was: ${JSON.stringify(resource)}`
  }
  return undefined
}

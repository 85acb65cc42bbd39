import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, Pair, Scalar, YAMLMap } from 'yaml'

/** Both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface YamlProblem extends Position {
  readonly message: string
}

export type FieldPath = readonly (string | number)[]

export interface YamlDocument {
  readonly value: unknown
  /** Where the field is; where it is missing, the deepest field on the way to it. */
  readonly locate: (path: FieldPath) => Position
}

export interface YamlText {
  /** The documents without a problem, in order; empty ones are left out. */
  readonly documents: readonly YamlDocument[]
  readonly problems: readonly YamlProblem[]
}

const maxBytes = 1024 * 1024
const maxAliases = 100
const maxDepth = 64
const tooManyAliases = `expands more than ${maxAliases} aliases`
const tooDeep = `is nested deeper than ${maxDepth} levels`

/**
 * Reads a text of one or several YAML documents (JSON is YAML). Duplicate keys, keys that are not
 * scalars, nesting over 64, more than 100 alias expansions and texts over 1 MiB are problems. Never
 * throws.
 */
export function parseYaml(text: string): YamlText {
  if (Buffer.byteLength(text) > maxBytes) {
    return { documents: [], problems: [{ line: 1, column: 1, message: 'is larger than 1 MiB' }] }
  }
  const lines = new LineCounter()
  try {
    return readDocuments(text, lines)
  } catch {
    // The parser recurses: what overflows its stack is far beyond the bound on nesting.
    return { documents: [], problems: [{ line: 1, column: 1, message: tooDeep }] }
  }
}

function readDocuments(text: string, lines: LineCounter): YamlText {
  const documents: YamlDocument[] = []
  const problems: YamlProblem[] = []
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Judged below: the parser's own check takes quadratic time.
    uniqueKeys: false,
    logLevel: 'silent',
  })
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const found = [
      ...document.errors.map(({ pos, message }) => ({
        ...place(lines, pos[0]),
        message: message.startsWith('Maximum call stack') ? tooDeep : message,
      })),
      ...shapeProblems(document.contents, { document, lines, above: [], aliases: { count: 0 } }),
    ]
    const value = found.length > 0 ? undefined : valueOf(document)
    if (value instanceof Error) found.push({ ...place(lines, 0), message: value.message })
    problems.push(...found)
    if (found.length > 0 || value === null || value === undefined) continue
    documents.push({ value, locate: createLocate(document, lines) })
  }
  return { documents, problems }
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases }) as unknown
  } catch {
    return new Error(tooManyAliases)
  }
}

interface Walk {
  readonly document: Document.Parsed
  readonly lines: LineCounter
  /** What contains the node, outermost first. */
  readonly above: readonly unknown[]
  readonly aliases: { count: number }
}

function shapeProblems(node: unknown, walk: Walk): YamlProblem[] {
  const { document, lines, above } = walk
  const report = (at: unknown, message: string) => [{ ...place(lines, offsetOf(at)), message }]
  if (above.length > maxDepth) return report(node, tooDeep)
  if (isAlias(node)) {
    // Each resolution walks the document.
    walk.aliases.count += 1
    if (walk.aliases.count > maxAliases + 1) return []
    if (walk.aliases.count > maxAliases) return report(node, tooManyAliases)
    const target = node.resolve(document)
    if (target === undefined) return report(node, 'is an alias of nothing')
    return above.includes(target) ? report(node, 'is an alias of what contains it') : []
  }
  const inside = { ...walk, above: [...above, node] }
  if (isSeq(node)) return node.items.flatMap((item) => shapeProblems(item, inside))
  if (!isMap(node)) return []
  const seen = new Set<string>()
  return node.items.flatMap(({ key, value }) => {
    const inner = shapeProblems(value, inside)
    if (!isScalar(key)) return [...report(key, 'has a key that is not a plain value'), ...inner]
    const name = String(key.value)
    if (seen.has(name)) return [...report(key, 'repeats a key of the same map'), ...inner]
    seen.add(name)
    return inner
  })
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0
}

function createLocate(document: Document.Parsed, lines: LineCounter): YamlDocument['locate'] {
  const pairs = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>()
  const pairOf = (map: YAMLMap, name: string): Pair | undefined => {
    let byName = pairs.get(map)
    if (byName === undefined) {
      byName = new Map(map.items.map((pair) => [String((pair.key as Scalar).value), pair]))
      pairs.set(map, byName)
    }
    return byName.get(name)
  }
  return (path) => {
    let node: unknown = document.contents
    let offset = offsetOf(node)
    for (const step of path) {
      if (isAlias(node)) node = node.resolve(document)
      if (isMap(node)) {
        const pair = pairOf(node, String(step))
        if (pair === undefined) break
        offset = offsetOf(pair.key)
        node = pair.value
      } else if (isSeq(node)) {
        const item = node.items[Number(step)]
        if (item === undefined) break
        offset = offsetOf(item)
        node = item
      } else break
    }
    return place(lines, offset)
  }
}

function place(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Document, Node, YAMLMap } from 'yaml'

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
  locate(path: FieldPath): Position
}

export interface YamlText {
  /** The documents without a problem, in order; empty ones are left out. */
  readonly documents: readonly YamlDocument[]
  readonly problems: readonly YamlProblem[]
}

const maxBytes = 1024 * 1024
const maxAliases = 100
const maxDepth = 64

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
    const message = `is nested deeper than ${maxDepth} levels`
    return { documents: [], problems: [{ line: 1, column: 1, message }] }
  }
}

function readDocuments(text: string, lines: LineCounter): YamlText {
  const documents: YamlDocument[] = []
  const problems: YamlProblem[] = []
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'silent',
  })
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const found = [
      ...document.errors.map(({ pos, message }) => ({ ...place(lines, pos[0]), message })),
      ...shapeProblems(document.contents, lines, 0),
    ]
    const value = found.length > 0 ? undefined : valueOf(document)
    if (value instanceof Error) found.push({ ...place(lines, 0), message: value.message })
    problems.push(...found)
    if (found.length > 0 || value === null || value === undefined) continue
    documents.push({ value, locate: (path) => locate(document, path, lines) })
  }
  return { documents, problems }
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases }) as unknown
  } catch {
    return new Error(`expands more than ${maxAliases} aliases`)
  }
}

function shapeProblems(node: unknown, lines: LineCounter, depth: number): YamlProblem[] {
  if (depth > maxDepth) {
    const at = place(lines, (node as Node).range?.[0] ?? 0)
    return [{ ...at, message: `is nested deeper than ${maxDepth} levels` }]
  }
  if (isSeq(node)) return node.items.flatMap((item) => shapeProblems(item, lines, depth + 1))
  if (!isMap(node)) return []
  return node.items.flatMap((pair) => {
    const key = pair.key as Node
    const odd = isScalar(key)
      ? []
      : [{ ...place(lines, key.range?.[0] ?? 0), message: 'has a key that is not a plain value' }]
    return [...odd, ...shapeProblems(pair.value, lines, depth + 1)]
  })
}

function locate(document: Document.Parsed, path: FieldPath, lines: LineCounter): Position {
  let node: unknown = document.contents
  let offset = document.contents?.range[0] ?? 0
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = pairOf(node, step)
      if (pair === undefined) break
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      const item = node.items[Number(step)] as Node | undefined
      if (item === undefined) break
      offset = item.range?.[0] ?? offset
      node = item
    } else break
  }
  return place(lines, offset)
}

function pairOf(map: YAMLMap, key: string | number): YAMLMap['items'][number] | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key))
}

function place(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

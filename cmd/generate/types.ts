import { property, type Crd, type Schema } from './crds.ts'

const head = `/** The custom resources of tokenward.dev/v1alpha1. Generated from crds/ by \`make generate\`. */
import type { ObjectMeta } from './core.ts'
`

/**
 * pkg/api/types.ts: an interface for each kind, and for each schema with a title. A description is the
 * comment of the field; of what stands in a list, that of its interface.
 */
export function typesOf(crds: readonly Crd[]): string {
  const declared = new Map<string, string>()
  for (const crd of crds) declareKind(crd, declared)
  const kinds = crds.map(({ names }) => names.kind).join(' | ')
  return [head, ...declared.values(), `export type CustomResource = ${kinds}\n`].join('\n')
}

function declareKind({ group, version, scope, names, schema }: Crd, declared: Declared): void {
  const cluster = '/** Cluster-scoped: `namespace` is the empty string. */'
  declared.set(
    names.kind,
    [
      `${comment(schema.description)}export interface ${names.kind} {`,
      `readonly apiVersion: '${group}/${version}'`,
      `readonly kind: '${names.kind}'`,
      ...(scope === 'Cluster' ? [cluster] : []),
      'readonly metadata: ObjectMeta',
      `readonly spec: ${names.kind}Spec`,
      '}\n',
    ].join('\n'),
  )
  typeOf(property(schema, 'spec'), declared)
}

type Declared = Map<string, string>

function typeOf(schema: Schema, declared: Declared, about = ''): string {
  const { title } = schema
  if (title === undefined) return bodyOf(schema, declared)
  const before = declared.get(title)
  // Reserve the place, so that what contains a type stands above it.
  if (before === undefined) declared.set(title, '')
  const body = bodyOf(schema, declared)
  const keyword = schema.enum === undefined ? `interface ${title} ` : `type ${title} = `
  const text = `${comment(about)}export ${keyword}${body}\n`
  if (before !== undefined && before !== text) throw new Error(`two schemas are titled ${title}`)
  declared.set(title, text)
  return title
}

function bodyOf(schema: Schema, declared: Declared): string {
  if (schema.enum !== undefined) return schema.enum.map((word) => `'${word}'`).join(' | ')
  if (schema.type === 'array') {
    const { items } = schema
    if (items === undefined) throw new Error('a list has no items')
    const item = typeOf(items, declared, items.description)
    return `readonly ${item}[]`
  }
  if (schema.type === 'integer') return 'number'
  if (schema.type === 'string') return 'string'
  if (schema.properties === undefined) return 'Readonly<Record<string, unknown>>'
  const members = Object.entries(schema.properties).map(([name, member]) => {
    const mark = schema.required?.includes(name) === true ? '' : '?'
    const type = typeOf(member, declared)
    return `${comment(member.description)}readonly ${name}${mark}: ${type}\n`
  })
  return `{\n${members.join('')}}`
}

function comment(text: string | undefined): string {
  if (text === undefined || text === '') return ''
  const lines = wrap(text, 94)
  return lines.length === 1
    ? `/** ${text} */\n`
    : `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

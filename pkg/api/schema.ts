/**
 * Runs the schemas of crds/. What an API server does with `x-kubernetes-*` is done here by ajv: sets and
 * list-maps are unique, "exactly one of" is checked, defaults are filled in, and fields that are not
 * known are refused instead of kept.
 */
import { Ajv, type ErrorObject, type SchemaObject, type ValidateFunction } from 'ajv'
import { nearest } from '../config/nearest.ts'
import { patternWords } from './pattern-words.ts'
import type { Finding } from './problem.ts'

/** Fills defaults into the value and gives everything that is wrong with it; `base` begins the paths. */
export type SchemaCheck = (value: unknown, base: string) => Finding[]

/** Compiles at the first use. */
export function createSchemaCheck(schema: SchemaObject): SchemaCheck {
  let validate: ValidateFunction | undefined
  return (value, base) => {
    validate ??= ajv.compile(translate(schema))
    if (validate(value)) return []
    return (validate.errors ?? []).map((error) => findingOf(error, base))
  }
}

const ajv = new Ajv({ allErrors: true, verbose: true, useDefaults: true, allowUnionTypes: true })

ajv.addKeyword({
  keyword: 'uniqueBy',
  type: 'array',
  schemaType: 'array',
  error: { message: 'repeats' },
  validate: (keys: readonly string[], items: readonly unknown[]) =>
    repeatedItem(keys, items) === undefined,
})

ajv.addKeyword({
  keyword: 'exactlyOneOf',
  type: 'object',
  schemaType: 'array',
  error: { message: 'exactly one' },
  validate: (names: readonly string[], value: object) =>
    names.filter((name) => Object.hasOwn(value, name)).length === 1,
})

/** A schema of crds/ as ajv takes it. Throws on what it does not know, so that nothing goes unchecked. */
function translate(schema: SchemaObject): SchemaObject {
  const translated: SchemaObject = {}
  for (const [name, value] of Object.entries(schema) as [string, unknown][]) {
    Object.assign(translated, translateKeyword(name, value, schema))
  }
  if (schema['properties'] !== undefined) translated['additionalProperties'] ??= false
  return translated
}

const asItIs = new Set(
  'type required enum default pattern minLength maxLength minItems maxItems minimum maximum maxProperties'.split(
    ' ',
  ),
)

function translateKeyword(name: string, value: unknown, schema: SchemaObject): SchemaObject {
  if (asItIs.has(name)) return { [name]: value }
  if (name === 'properties') {
    const members = Object.entries(value as Record<string, SchemaObject>)
    return { properties: Object.fromEntries(members.map(([key, one]) => [key, translate(one)])) }
  }
  if (name === 'items' || name === 'additionalProperties') {
    return { [name]: translate(value as SchemaObject) }
  }
  if (name === 'x-kubernetes-list-type') return value === 'set' ? { uniqueItems: true } : {}
  if (name === 'x-kubernetes-list-map-keys') return { uniqueBy: value }
  if (name === 'x-kubernetes-validations') {
    const [rule, ...more] = value as readonly { readonly rule: string }[]
    const parts = /^has\(self\.(\w+)\) != has\(self\.(\w+)\)$/.exec(rule?.rule ?? '')
    if (parts !== null && more.length === 0) return { exactlyOneOf: parts.slice(1) }
  }
  throw new Error(`the schema has "${name}", which nothing here checks: ${JSON.stringify(schema)}`)
}

function repeatedItem(keys: readonly string[], items: readonly unknown[]): number | undefined {
  const seen = new Set<string>()
  const index = items.findIndex((item) => {
    if (typeof item !== 'object' || item === null) return false
    const values = keys.map((key) => (item as Record<string, unknown>)[key])
    if (values.includes(undefined)) return false
    const text = JSON.stringify(values)
    if (seen.has(text)) return true
    seen.add(text)
    return false
  })
  return index === -1 ? undefined : index
}

function findingOf(error: ErrorObject, base: string): Finding {
  const path = [base, ...steps(error)]
  const params = error.params as Record<string, unknown>
  const limit = Number(params['limit'])
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(params['additionalProperty'])
      const known = Object.keys(error.parentSchema?.['properties'] as object)
      const near = nearest(name, known)
      const message = 'is not a known field'
      return { path: [...path, name], message, ...(near === undefined ? {} : { nearest: near }) }
    }
    case 'required':
      return { path: [...path, String(params['missingProperty'])], message: 'is missing' }
    case 'type':
      return {
        path,
        message: `is ${kindOf(error.data)} and must be ${article(String(params['type']))}`,
      }
    case 'enum': {
      const words = params['allowedValues'] as readonly string[]
      const near = typeof error.data === 'string' ? nearest(error.data, words) : undefined
      const message = `must be ${words.map((word) => (word === '' ? '""' : word)).join(' or ')}`
      return { path, message, ...(near === undefined || near === '' ? {} : { nearest: near }) }
    }
    case 'pattern':
      return { path, message: `must be ${patternWords(String(params['pattern']))}` }
    case 'minItems':
      return { path, message: limit === 1 ? 'is empty' : `has fewer than ${limit} entries` }
    case 'maxItems':
      return { path, message: `has more than ${limit} entries` }
    case 'minLength':
      return { path, message: limit === 1 ? 'is empty' : `has fewer than ${limit} characters` }
    case 'maxLength':
      return { path, message: `has more than ${limit} characters` }
    case 'maxProperties':
      return { path, message: `has more than ${limit} members` }
    case 'uniqueItems': {
      const [i, j] = [Number(params['i']), Number(params['j'])]
      return { path: [...path, Math.max(i, j)], message: `repeats entry ${Math.min(i, j)}` }
    }
    case 'uniqueBy': {
      const keys = error.schema as readonly string[]
      const index = repeatedItem(keys, error.data as readonly unknown[]) ?? 0
      return {
        path: [...path, index],
        message: `repeats the ${keys.join(' and ')} of an earlier entry`,
      }
    }
    case 'exactlyOneOf': {
      const names = error.schema as readonly string[]
      return { path, message: `must have exactly one of ${names.join(' and ')}` }
    }
    default:
      return { path, message: error.message ?? 'is not valid' }
  }
}

/** JSON Pointer (RFC 6901) to steps; a number where the parent may be a list. */
function steps(error: ErrorObject): (string | number)[] {
  return error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
}

function kindOf(value: unknown): string {
  if (value === null) return 'empty (null)'
  return article(Array.isArray(value) ? 'array' : typeof value)
}

function article(type: string): string {
  if (type === 'array') return 'a list'
  if (type === 'object') return 'a map'
  if (type === 'string') return 'a text'
  if (type === 'boolean') return 'true or false'
  return type === 'integer' ? 'a whole number' : 'a number'
}

import { nearest } from '../config/nearest.ts'
import { printable } from '../config/printable.ts'
import { parseYaml, type FieldPath, type Position, type YamlDocument } from '../config/yaml.ts'
import { checkIssuer } from './check-issuer.ts'
import { checkPolicy, warnPolicy } from './check-policy.ts'
import { coreKinds, readCoreObject } from './core-objects.ts'
import type { CoreObject } from './core.ts'
import type { ParseTemplate } from './coverage.ts'
import { mapOf, type Loose } from './loose.ts'
import { checkMetadata, readMetadata } from './metadata.ts'
import { pathSteps, pathText, type Finding, type Problem } from './problem.ts'
import { createSchemaCheck } from './schema.ts'
import { apiVersion, schemas } from './schemas.ts'
import type { CustomResource } from './types.ts'

/** A resource and where it stands. */
export interface Located<T> {
  readonly file: string
  readonly resource: T
  /** Of a field, as `spec.rules[0]` or in steps; of the deepest part of the path that is there. */
  readonly locate: (path: string | FieldPath) => Position
}

export interface Parsed {
  /** Those without a problem, defaults filled in. */
  readonly resources: readonly Located<CustomResource | CoreObject>[]
  /** All that is wrong, in the order of the text. */
  readonly problems: readonly Problem[]
  /** What is allowed and likely to be a mistake. */
  readonly warnings: readonly Problem[]
  /** Objects that are not read here, and why. */
  readonly notes: readonly Problem[]
}

export interface ParseOptions {
  /** `parseTemplate` of policy/path. Without it templates are judged by `compile` alone. */
  readonly parseTemplate?: ParseTemplate
}

const [group] = apiVersion.split('/')
const kinds = Object.keys(schemas) as CustomResource['kind'][]
const checkSpec = {
  AccessPolicy: createSchemaCheck(schemas.AccessPolicy.spec),
  TrustedIssuer: createSchemaCheck(schemas.TrustedIssuer.spec),
}
/** Files of other tools that stand beside resources. */
const foreignFiles = /^(?:kustomization\.ya?ml|Kustomization|Chart\.ya?ml|values[^/]*\.ya?ml)$/

/**
 * Reads a text of YAML documents: custom resources, and the core objects that Tokenward uses. `file`
 * is its name in messages. Lists are unwrapped; objects of other kinds are noted and left alone. Never
 * throws: whatever is wrong with the text is among the problems.
 */
export function parseResources(text: string, file: string, options: ParseOptions = {}): Parsed {
  const collected = createCollected(file)
  if (foreignFiles.test(file.split('/').at(-1) ?? '')) {
    collected.add('notes', [{ path: [], message: 'belongs to another tool and is not read' }])
    return parsedOf(collected)
  }
  const yaml = parseYaml(text)
  for (const { line, column, message } of yaml.problems) {
    collected.problems.push({ file, line, column, path: '', message: printable(message) })
  }
  for (const document of yaml.documents)
    readObject({ document, collected, options }, document.value, [])
  collected.problems.sort((a, b) => a.line - b.line || a.column - b.column)
  return parsedOf(collected)
}

/**
 * As `parseResources` for one object that an API server gives: there is no text, so every problem is at
 * 1:1, and its path says where. Never throws.
 */
export function parseObject(value: unknown, name: string, options: ParseOptions = {}): Parsed {
  const collected = createCollected(name)
  const document = { value, locate: () => ({ line: 1, column: 1 }) }
  readObject({ document, collected, options }, value, [])
  return parsedOf(collected)
}

function parsedOf({ resources, problems, warnings, notes }: Collected): Parsed {
  return { resources, problems, warnings, notes }
}

interface Collected extends Parsed {
  readonly file: string
  readonly resources: Located<CustomResource | CoreObject>[]
  readonly problems: Problem[]
  readonly warnings: Problem[]
  readonly notes: Problem[]
  /** Of the objects so far: `kind/namespace/name`. */
  readonly ids: Set<string>
  add(to: 'problems' | 'warnings' | 'notes', findings: readonly Finding[], place?: Place): void
}

/** Where an object stands: its document, and its path there (an item of a List). */
interface Place {
  readonly document: YamlDocument
  readonly base: FieldPath
}

interface Context {
  readonly document: YamlDocument
  readonly collected: Collected
  readonly options: ParseOptions
}

function createCollected(file: string): Collected {
  const collected: Collected = {
    file,
    resources: [],
    problems: [],
    warnings: [],
    notes: [],
    ids: new Set(),
    add(to, findings, place) {
      for (const { path, message, nearest: near } of findings) {
        const full = [...(place?.base ?? []), ...path]
        const position = place?.document.locate(full) ?? { line: 1, column: 1 }
        const found = { path: pathText(full), message: printable(message) }
        const hint = near === undefined ? {} : { nearest: near }
        collected[to].push({ file, ...position, ...found, ...hint })
      }
    },
  }
  return collected
}

function readObject(context: Context, value: unknown, base: FieldPath): void {
  const { document, collected } = context
  const place = { document, base }
  const object = mapOf(value)
  const { apiVersion: version, kind } = object
  const note = (message: string) => collected.add('notes', [{ path: [], message }], place)
  if (version === apiVersion && kinds.includes(kind as never)) {
    readCustomResource(context, object as Loose & { kind: CustomResource['kind'] }, base)
  } else if (version === 'v1' && kind === 'List') {
    const items = Array.isArray(object['items']) ? (object['items'] as unknown[]) : []
    for (const [index, item] of items.entries()) {
      readObject(context, item, [...base, 'items', index])
    }
  } else if (version === 'v1' && typeof kind === 'string' && coreKinds.includes(kind)) {
    const read = readCoreObject(kind, object)
    if ('findings' in read) collected.add('problems', read.findings, place)
    else keep(place, collected, read.object)
  } else {
    const findings = strangerFindings(version, kind)
    if (typeof value === 'string') findings.push({ path: [], message: 'is not an object' })
    if (findings.length > 0) collected.add('problems', findings, place)
    else if (typeof kind !== 'string') note('is not a Kubernetes object and is not read')
    else note(`is of a kind that Tokenward does not use and is not read: ${kind.slice(0, 64)}`)
  }
}

/** An object that was probably meant for us must not be passed over in silence. */
function strangerFindings(version: unknown, kind: unknown): Finding[] {
  const known = typeof kind === 'string' && kinds.includes(kind as never)
  const ours = typeof version === 'string' && version.split('/')[0] === group
  const mistyped = typeof version === 'string' && nearest(version, [apiVersion]) !== undefined
  if (ours && version !== apiVersion) {
    return [{ path: ['apiVersion'], message: `must be ${apiVersion}`, nearest: apiVersion }]
  }
  if (ours) {
    const near = typeof kind === 'string' ? nearest(kind, kinds) : undefined
    const message = `must be ${kinds.join(' or ')}`
    return [{ path: ['kind'], message, ...(near === undefined ? {} : { nearest: near }) }]
  }
  if (typeof version === 'string' && kind === undefined) {
    return [{ path: ['kind'], message: 'is missing: is the text cut off?' }]
  }
  if (known && (version === undefined || mistyped)) {
    return [{ path: ['apiVersion'], message: `must be ${apiVersion}`, nearest: apiVersion }]
  }
  return []
}

const topFields = ['apiVersion', 'kind', 'metadata', 'spec', 'status']

function readCustomResource(
  { document, collected, options }: Context,
  object: Loose & { readonly kind: CustomResource['kind'] },
  base: FieldPath,
): void {
  const { kind, metadata, spec } = object
  const { scope } = schemas[kind]
  const name = mapOf(metadata)['name']
  const findings: Finding[] = [
    ...unknownFields(object),
    ...(metadata === undefined
      ? [{ path: ['metadata'], message: 'is missing' }]
      : checkMetadata(metadata, 'metadata')),
    ...(scope === 'Cluster' && mapOf(metadata)['namespace'] !== undefined
      ? [
          {
            path: ['metadata', 'namespace'],
            message: `must not be there: ${kind} is cluster-scoped`,
          },
        ]
      : []),
    ...(spec === undefined
      ? [{ path: ['spec'], message: 'is missing' }]
      : checkSpec[kind](spec, 'spec')),
    ...(kind === 'AccessPolicy'
      ? checkPolicy(spec, options.parseTemplate)
      : checkIssuer(spec, typeof name === 'string' ? name : '')),
  ]
  const place = { document, base }
  collected.add('problems', findings, place)
  if (kind === 'AccessPolicy') collected.add('warnings', warnPolicy(spec), place)
  if (findings.length > 0) return
  const read = { apiVersion, kind, metadata: readMetadata(metadata, scope), spec }
  keep(place, collected, read as CustomResource)
}

function unknownFields(object: Loose): Finding[] {
  const unknown = Object.keys(object).filter((name) => !topFields.includes(name))
  return unknown.map((name) => {
    const near = nearest(name, topFields)
    const message = 'is not a known field'
    return { path: [name], message, ...(near === undefined ? {} : { nearest: near }) }
  })
}

function keep(place: Place, collected: Collected, resource: CustomResource | CoreObject): void {
  const { document, base } = place
  const { kind, metadata } = resource
  const id = [kind, metadata.namespace, metadata.name].join('/')
  const twin = collected.ids.has(id)
  collected.ids.add(id)
  if (twin) {
    const message = `is the second ${kind} of this name in this file`
    collected.add('problems', [{ path: ['metadata', 'name'], message }], place)
    return
  }
  collected.resources.push({
    file: collected.file,
    resource,
    locate: (path) => {
      const steps = typeof path === 'string' ? pathSteps(path) : path
      return document.locate([...base, ...steps])
    },
  })
}

/** Pods to inject, their golden results, and a JSON Patch applied as an API server applies it. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { InjectConfig, NamespaceFacts } from '../../pkg/admission/inject/config.ts'
import { textsOf } from '../../pkg/admission/inject/pod.ts'
import { parseCpu, parseMemory } from '../../pkg/admission/inject/quantity.ts'
import { mapOf, type Json } from '../../pkg/admission/json.ts'
import type { Operation } from '../../pkg/admission/patch.ts'
import { formatYaml } from '../../pkg/config/format-yaml.ts'
import { parseYaml } from '../../pkg/config/yaml.ts'

const folder = path.resolve(import.meta.dirname, '../fixtures/pods')

export const injectConfig: InjectConfig = {
  version: '0.1.0',
  namespace: 'tokenward-system',
  image: 'localhost/tokenward:dev',
  imagePullPolicy: 'IfNotPresent',
  controllers: ['https://tokenward-controller.tokenward-system.svc'],
  authority: 'https://tokenward-authority.tokenward-system.svc',
  caBundle: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  interception: 'redirect',
  resources: {
    cpuRequest: must(parseCpu('10m')),
    cpuLimit: undefined,
    memoryRequest: must(parseMemory('64Mi')),
    memoryLimit: must(parseMemory('128Mi')),
  },
  logLevel: 'info',
}

export interface PodCase {
  readonly name: string
  /** What the pod is for, from the head of its file. */
  readonly about: string
  readonly namespace: NamespaceFacts
  readonly pod: Json
}

/** A namespace that asks for injection. */
export function namespaceOf(
  labels: Readonly<Record<string, string>> = { 'tokenward.dev/inject': 'enabled' },
  annotations: Readonly<Record<string, string>> = {},
): NamespaceFacts {
  return { name: 'shop', labels, annotations }
}

/** Every pod of test/fixtures/pods: a Pod, or a Namespace and a Pod. */
export function readPodCases(): PodCase[] {
  return readdirSync(folder)
    .filter((file) => /^[a-z0-9-]+\.yaml$/.test(file))
    .sort()
    .map((file) => {
      const text = readFileSync(path.join(folder, file), 'utf8')
      const { documents, problems } = parseYaml(text)
      if (problems.length > 0) throw new Error(`${file}: ${JSON.stringify(problems)}`)
      const objects = documents.map(({ value }) => mapOf(value))
      const pod = objects.find(({ kind }) => kind === 'Pod')
      const namespace = objects.find(({ kind }) => kind === 'Namespace')
      if (pod === undefined) throw new Error(`${file} has no Pod`)
      const { labels, annotations } = mapOf(namespace?.['metadata'])
      return {
        name: file.replace(/\.yaml$/, ''),
        about: /^# (.+)$/m.exec(text)?.[1] ?? '',
        pod,
        namespace:
          namespace === undefined
            ? namespaceOf()
            : namespaceOf(textsOf(labels), textsOf(annotations)),
      }
    })
}

/** Where the golden file of a case is. */
export function goldenFile(name: string, kind: 'golden.yaml' | 'refusal'): string {
  return path.join(folder, `${name}.${kind}`)
}

/** A result as golden files have it: what was said, then the pod. */
export function goldenText(pod: Json, notes: readonly string[]): string {
  return notes.map((note) => `# ${note}\n`).join('') + formatYaml(pod)
}

/** RFC 6902 for what a patch of ours uses; throws where an operation has no target. */
export function applyPatch(document: Json, operations: readonly Operation[]): Json {
  const root = structuredClone(document)
  for (const operation of operations) {
    const steps = operation.path
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    const last = steps.pop()
    if (last === undefined) throw new Error('the whole document is not ours')
    let parent: unknown = root
    for (const step of steps) parent = (parent as Record<string, unknown> | undefined)?.[step]
    apply(parent, last, structuredClone(operation))
  }
  return root
}

function apply(parent: unknown, last: string, operation: Operation): void {
  const fail = (): never => {
    throw new Error(`${operation.op} ${operation.path} has no target`)
  }
  if (Array.isArray(parent)) {
    const index = last === '-' && operation.op === 'add' ? parent.length : Number(last)
    const most = operation.op === 'add' ? parent.length : parent.length - 1
    if (!Number.isInteger(index) || index < 0 || index > most) fail()
    if (operation.op === 'remove') parent.splice(index, 1)
    else parent.splice(index, operation.op === 'add' ? 0 : 1, operation.value)
  } else if (typeof parent === 'object' && parent !== null) {
    const map = parent as Record<string, unknown>
    if (operation.op !== 'add' && !Object.hasOwn(map, last)) fail()
    if (operation.op === 'remove') delete map[last]
    else map[last] = operation.value
  } else fail()
}

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the default is not readable')
  return value
}

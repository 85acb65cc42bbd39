import { expect } from 'vitest'
import { isMap, listOf, mapOf, type Json } from '../../pkg/admission/json.ts'

const probes = ['startupProbe', 'readinessProbe', 'livenessProbe']
const marks = /^tokenward.dev\/(injected-version|config-hash|trust-hash)$/
const own = (each: unknown): boolean => /^tokenward-/.test(String(mapOf(each)['name']))

/**
 * Checks that a pod still has everything that it had before injection, byte for byte: what was added is
 * taken away again, and only handlers of probes may differ.
 */
export function expectKept(before: Json, after: Json): void {
  expect(withoutOurs(after, before)).toEqual(without(before))
}

/** Probes lose their handlers, where they are over the network, and annotations the marks of ours. */
function without(pod: Json): Json {
  const spec = mapOf(pod['spec'])
  const metadata = mapOf(pod['metadata'])
  return {
    ...pod,
    ...('metadata' in pod ? metadataOf(metadata, metadata) : {}),
    spec: { ...spec, ...containersOf(spec, (each) => each) },
  }
}

function withoutOurs(pod: Json, before: Json): Json {
  const { metadata, spec: after, ...rest } = pod
  const spec = mapOf(after)
  const specBefore = mapOf(before['spec'])
  const notOurs = (name: string): unknown => {
    if (!(name in spec)) return undefined
    const kept = listOf(spec[name]).filter((each) => !own(each))
    return kept.length === 0 && !(name in specBefore) ? undefined : kept
  }
  const lists = { initContainers: notOurs('initContainers'), volumes: notOurs('volumes') }
  const cleaned = defined({ ...spec, ...lists })
  return {
    ...rest,
    ...metadataOf(mapOf(metadata), before['metadata']),
    spec: {
      ...cleaned,
      ...containersOf(cleaned, (each, list, index) => {
        const was = mapOf(listOf(specBefore[list])[index])
        const envBefore = listOf(was['env'])
        const env = listOf(each['env']).slice(0, envBefore.length)
        return defined({ ...each, env: 'env' in was ? env : undefined })
      }),
    },
  }
}

function metadataOf(metadata: Json, before: unknown): Json {
  if (!isMap(before)) return {}
  const had = mapOf(before['annotations'])
  const annotations = Object.fromEntries(
    Object.entries(mapOf(metadata['annotations'])).filter(
      ([key]) => key in had && !marks.test(key),
    ),
  )
  return {
    metadata: defined({
      ...metadata,
      annotations: 'annotations' in before ? annotations : undefined,
    }),
  }
}

function containersOf(spec: Json, clean: (each: Json, list: string, index: number) => Json): Json {
  return Object.fromEntries(
    ['containers', 'initContainers']
      .filter((list) => Array.isArray(spec[list]))
      .map((list) => [
        list,
        listOf(spec[list]).map((each, index) => withoutHandlers(clean(mapOf(each), list, index))),
      ]),
  )
}

function withoutHandlers(container: Json): Json {
  const entries = Object.entries(container).map(([name, value]) => {
    if (!probes.includes(name) || !isMap(value)) return [name, value] as const
    const { httpGet, tcpSocket, grpc, ...rest } = value
    const isOverTheNetwork = [httpGet, tcpSocket, grpc].some((each) => each !== undefined)
    return [name, isOverTheNetwork ? { ...rest, isOverTheNetwork } : value] as const
  })
  return Object.fromEntries(entries)
}

function defined(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined))
}

import { isMap, listOf, mapOf, textOf, type Json } from '../json.ts'
import type { Pointer } from '../patch.ts'
import { isReserved, ports, reservedPorts } from './names.ts'
import type { Container, PodView } from './pod.ts'

/** What the sidecar is to do in place of the kubelet, which it does where the app listens. */
export interface ProbeTarget {
  readonly httpGet?: Json
  readonly tcpSocket?: Json
  readonly grpc?: Json
  readonly timeoutSeconds: number
}

export interface Rewriting {
  /** Of every rewritten probe, by the path at which the kubelet asks the sidecar. */
  readonly targets: Readonly<Record<string, ProbeTarget>>
  /** Probes of the pod that change, and what they become. */
  readonly changes: readonly { readonly steps: Pointer; readonly probe: Json }[]
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

const kinds = [
  ['startupProbe', 'startup'],
  ['readinessProbe', 'readiness'],
  ['livenessProbe', 'liveness'],
] as const
const longestTimeoutSeconds = 86_400
const handlers = ['httpGet', 'tcpSocket', 'grpc', 'exec'] as const

/**
 * The kubelet has no token, so what it asks an app over the network goes to the sidecar's probe port.
 * `earlier` are the targets of a pass before this one, whose probes no longer say what they were.
 */
export function rewriteProbes(pod: PodView, earlier: Json): Rewriting {
  const targets: Record<string, ProbeTarget> = {}
  const changes: { steps: Pointer; probe: Json }[] = []
  const problems: string[] = []
  const warnings: string[] = []
  for (const container of pod.containers) {
    warnings.push(...hookWarnings(container))
    if (!container.isLasting) continue
    for (const [field, kind] of kinds) {
      const probe = container.raw[field]
      if (!isMap(probe)) continue
      const where = `${field} of container ${container.name}`
      const path = `/probes/${container.name}/${kind}`
      const isOurs = isRewritten(probe, path)
      const handler = isOurs ? mapOf(earlier[path]) : probe
      const read = readHandler(handler, container, isOurs)
      if (read === 'left') {
        if (isOurs) problems.push(`${where} asks port ${ports.probes}, which is the sidecar's`)
        continue
      }
      if ('problem' in read) {
        warnings.push(`${where} ${read.problem}`)
        continue
      }
      if (isReserved(read.port)) {
        problems.push(`${where} asks port ${read.port}: ${reservedPorts} are the sidecar's`)
        continue
      }
      if (!headersOf(read.rest).every(isPlain)) {
        problems.push(`${where} has a header that HTTP cannot carry as it is: keep to ISO 8859-1`)
        continue
      }
      targets[path] = {
        [read.kind]: { port: read.port, ...read.rest },
        timeoutSeconds: timeoutOf(probe),
      }
      if (!isOurs) changes.push({ steps: [...container.steps, field], probe: asking(probe, path) })
    }
  }
  return { targets, changes, problems, warnings }
}

/** 0 is what the API server takes for absent; the kubelet itself gives up after its own time. */
function timeoutOf({ timeoutSeconds }: Json): number {
  return typeof timeoutSeconds === 'number'
    ? Math.min(timeoutSeconds || 1, longestTimeoutSeconds)
    : 1
}

/** What the sidecar would not start with. */
function isPlain({ name, value = '' }: Json): boolean {
  return (
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(String(name)) &&
    /^[\t\x20-\x7e\x80-\xff]*$/.test(String(value))
  )
}

function headersOf({ httpHeaders }: Json): readonly Json[] {
  return listOf(httpHeaders).map(mapOf)
}

interface Handler {
  readonly kind: 'httpGet' | 'tcpSocket' | 'grpc'
  readonly port: number
  readonly rest: Json
}

/** `left`: not over the network to this pod, so it stays as it is. */
function readHandler(
  probe: Json,
  container: Container,
  isOurs: boolean,
): Handler | 'left' | { readonly problem: string } {
  const kind = (['httpGet', 'tcpSocket', 'grpc'] as const).find((each) => isMap(probe[each]))
  if (kind === undefined) return 'left'
  const handler = mapOf(probe[kind])
  if (kind !== 'grpc' && Boolean(handler['host']) && !isOurs) return 'left'
  const port = portNumber(handler['port'], container)
  if (port === undefined) {
    const shown = JSON.stringify(String(handler['port']).slice(0, 64))
    return {
      problem: `names port ${shown}, which the container does not have, and is left as it is`,
    }
  }
  return { kind, port, rest: restOf(kind, handler) }
}

function restOf(kind: Handler['kind'], handler: Json): Json {
  if (kind === 'tcpSocket') return {}
  if (kind === 'grpc') return { service: textOf(handler['service']) ?? '' }
  const httpHeaders = headersOf(handler)
  const path = textOf(handler['path']) ?? ''
  return {
    path: path === '' ? '/' : path,
    scheme: textOf(handler['scheme']) ?? 'HTTP',
    ...(httpHeaders.length === 0 ? {} : { httpHeaders }),
  }
}

/** As the kubelet finds it: a number, a name among the container's ports, or a number as text. */
function portNumber(port: unknown, { raw }: Container): number | undefined {
  if (typeof port === 'number') return port
  if (typeof port !== 'string') return undefined
  const named = listOf(raw['ports'])
    .map(mapOf)
    .find(({ name }) => name === port)?.['containerPort']
  if (typeof named === 'number') return named
  return /^[1-9]\d{0,4}$/.test(port) ? Number(port) : undefined
}

function isRewritten(probe: Json, path: string): boolean {
  const http = mapOf(probe['httpGet'])
  return http['port'] === ports.probes && http['path'] === path && !http['host']
}

/** The probe with its timings and whatever else it has, asking the sidecar. */
function asking(probe: Json, path: string): Json {
  const rest = Object.entries(probe).filter(([name]) => !handlers.includes(name as never))
  return {
    httpGet: { path, port: ports.probes, scheme: 'HTTP' },
    ...Object.fromEntries(rest),
  }
}

function hookWarnings({ raw, name }: Container): string[] {
  const lifecycle = mapOf(raw['lifecycle'])
  return ['postStart', 'preStop']
    .filter((hook) => isMap(mapOf(lifecycle[hook])['httpGet']))
    .map(
      (hook) =>
        `${hook} of container ${name} calls over HTTP without a token, which only a public operation allows`,
    )
}

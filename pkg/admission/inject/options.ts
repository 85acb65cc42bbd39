import { keys, type OptionKey } from '../../api/keys.ts'
import {
  logLevels,
  type InjectConfig,
  type Interception,
  type NamespaceFacts,
  type SidecarLogLevel,
  type SidecarResources,
  type Unmatched,
} from './config.ts'
import type { PodView } from './pod.ts'
import { readCidrs, readMappings, readPorts, type Mapping, type Read } from './ports.ts'
import { parseCpu, parseMemory, type Quantity } from './quantity.ts'

/** What annotations and defaults say about one pod. */
export interface PodOptions {
  readonly interception: Interception
  readonly inbound: readonly Mapping[]
  readonly excludeInboundPorts: readonly number[]
  readonly excludeOutboundPorts: readonly number[]
  readonly excludeOutboundCidrs: readonly string[]
  readonly unmatched: Unmatched
  readonly resources: SidecarResources
  readonly logLevel: SidecarLogLevel
}

/**
 * Reads the annotations of a pod, over those of its namespace, over the defaults. Everything that is
 * wrong goes to `problems`, each a sentence.
 */
export function readOptions(
  pod: PodView,
  { namespace, config }: { readonly namespace: NamespaceFacts; readonly config: InjectConfig },
  problems: string[],
): PodOptions {
  const read = <T>(
    key: OptionKey,
    parse: (text: string) => Read<T>,
    absent: { readonly is: T; readonly inherits: boolean },
  ): T => {
    const ofPod = pod.annotations[key]
    const text = ofPod ?? (absent.inherits ? namespace.annotations[key] : undefined)
    if (text === undefined) return absent.is
    const reading = parse(text)
    if ('value' in reading) return reading.value
    const whose = ofPod === undefined ? `namespace ${namespace.name}` : 'the pod'
    problems.push(`annotation ${key} of ${whose} ${reading.problem}`)
    return absent.is
  }
  const own = <T>(key: OptionKey, parse: (text: string) => Read<readonly T[]>): readonly T[] =>
    read(key, parse, { is: [], inherits: false })
  const shared = <T>(key: OptionKey, parse: (text: string) => Read<T>, is: T): T =>
    read(key, parse, { is, inherits: true })

  const { resources: usual } = config
  const options: PodOptions = {
    interception: shared(
      keys.interception,
      oneOf(['redirect', 'explicit'] as const),
      config.interception,
    ),
    inbound: own(keys.inbound, readMappings),
    excludeInboundPorts: own(keys.excludeInboundPorts, readPorts),
    excludeOutboundPorts: own(keys.excludeOutboundPorts, readPorts),
    excludeOutboundCidrs: own(keys.excludeOutboundCidrs, readCidrs),
    unmatched: shared<Unmatched>(keys.unmatched, oneOf(['pass', 'deny'] as const), 'pass'),
    resources: {
      cpuRequest: shared(keys.cpuRequest, cpu, usual.cpuRequest),
      cpuLimit: shared<Quantity | undefined>(keys.cpuLimit, cpu, usual.cpuLimit),
      memoryRequest: shared(keys.memoryRequest, memory, usual.memoryRequest),
      memoryLimit: shared(keys.memoryLimit, memory, usual.memoryLimit),
    },
    logLevel: shared(keys.logLevel, oneOf(logLevels), config.logLevel),
  }
  problems.push(...contradictions(options))
  return options
}

function contradictions(options: PodOptions): string[] {
  const { interception, resources, inbound } = options
  const { cpuRequest, cpuLimit, memoryRequest, memoryLimit } = resources
  const problems: string[] = []
  if (interception === 'redirect' && inbound.length > 0) {
    problems.push(
      `${keys.inbound} goes with ${keys.interception}: explicit, and this pod is redirected`,
    )
  }
  const exclusions = exclusionsOf(options)
  if (interception === 'explicit' && exclusions.length > 0) {
    problems.push(
      `${exclusions.join(', ')}: nothing is redirected in this pod, so nothing excluded`,
    )
  }
  if (cpuLimit !== undefined && cpuRequest.amount > cpuLimit.amount) {
    problems.push(`the sidecar's CPU request ${cpuRequest.text} exceeds its limit ${cpuLimit.text}`)
  }
  if (memoryRequest.amount > memoryLimit.amount) {
    problems.push(
      `the sidecar's memory request ${memoryRequest.text} exceeds its limit ${memoryLimit.text}`,
    )
  }
  return problems
}

/** The exclusions that are used. */
export function exclusionsOf(options: PodOptions): string[] {
  return [
    ...(options.excludeInboundPorts.length > 0 ? [keys.excludeInboundPorts] : []),
    ...(options.excludeOutboundPorts.length > 0 ? [keys.excludeOutboundPorts] : []),
    ...(options.excludeOutboundCidrs.length > 0 ? [keys.excludeOutboundCidrs] : []),
  ]
}

function oneOf<const W extends string>(words: readonly W[]): (text: string) => Read<W> {
  return (text) => {
    const word = words.find((each) => each === text)
    if (word !== undefined) return { value: word }
    return { problem: `is ${JSON.stringify(text.slice(0, 64))} and must be ${words.join(' or ')}` }
  }
}

function cpu(text: string): Read<Quantity> {
  return quantity(text, parseCpu(text), '100m or 0.5')
}

function memory(text: string): Read<Quantity> {
  return quantity(text, parseMemory(text), '64Mi')
}

function quantity(text: string, value: Quantity | undefined, like: string): Read<Quantity> {
  if (value !== undefined) return { value }
  return {
    problem: `is ${JSON.stringify(text.slice(0, 64))}, which is no quantity such as ${like}`,
  }
}

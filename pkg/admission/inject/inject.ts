import { unknownKeys } from '../../api/keys.ts'
import { listOf, mapOf, type Json } from '../json.ts'
import { createPatch, type Operation } from '../patch.ts'
import { checkInterception, checkPod } from './checks.ts'
import type { InjectConfig, NamespaceFacts } from './config.ts'
import { placeOwn, settleOwn } from './init-containers.ts'
import { addMarks } from './marks.ts'
import { sidecarName } from './names.ts'
import { readOptions, type PodOptions } from './options.ts'
import { readPod, type PodView } from './pod.ts'
import { rewriteProbes } from './probes.ts'
import { addProxyVariables } from './proxy-variables.ts'
import { redirectContainer } from './redirect-container.ts'
import { select, type SkipReason } from './select.ts'
import { earlierTargets, sidecarContainer, type SidecarParts } from './sidecar-container.ts'
import { missingVolumes } from './volumes.ts'

export type Injection =
  | {
      readonly kind: 'inject'
      /** None where everything is there already. */
      readonly operations: readonly Operation[]
      readonly warnings: readonly string[]
    }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly warnings: readonly string[] }
  | { readonly kind: 'refuse'; readonly problems: readonly string[] }

/**
 * What becomes of a pod: a patch (RFC 6902) that gives it its sidecar, nothing, or a refusal that names
 * everything that stands against it. Pure. A second pass over the result, also after another webhook has
 * added to it, gives an empty patch or the rest.
 */
export function inject(
  raw: unknown,
  { namespace, config }: { readonly namespace: NamespaceFacts; readonly config: InjectConfig },
): Injection {
  const pod = readPod(raw)
  const selection = select(pod, namespace, config)
  if (selection.kind === 'refuse') return { kind: 'refuse', problems: [selection.message] }
  const warnings = [...unknownKeys('pod', pod), ...unknownKeys('namespace', namespace)]
  if (selection.kind === 'skip') {
    const { reason, warning } = selection
    if (reason === 'not_selected' || reason === 'own_namespace') {
      return { kind: 'skip', reason, warnings: [] }
    }
    return { kind: 'skip', reason, warnings: warning === undefined ? [] : [warning, ...warnings] }
  }

  const problems = checkPod(pod)
  const options = readOptions(pod, { namespace, config }, problems)
  const { isRequired } = selection
  problems.push(...checkInterception(pod, { namespace, options, isRequired }))
  const sidecar = pod.own.find(({ name }) => name === sidecarName)
  const { targets, changes, ...probes } = rewriteProbes(pod, earlierTargets(sidecar?.raw))
  problems.push(...probes.problems)
  const appPorts = appPortsOf(pod, options)
  const own = settleOwn(pod, ownContainers(config, { options, targets, appPorts }), problems)
  const volumes = missingVolumes(pod, options.interception, problems)
  if (problems.length > 0) return { kind: 'refuse', problems }

  const patch = createPatch()
  for (const { steps, probe } of changes) patch.replace(steps, probe)
  if (options.interception === 'explicit') addProxyVariables(patch, pod)
  placeOwn(patch, pod, own)
  patch.append(['spec', 'volumes'], pod.spec['volumes'], volumes)
  // Of the configuration alone: pods of one configuration have one hash, whatever they probe.
  const plain = ownContainers(config, { options, targets: {}, appPorts: [] })
  addMarks(patch, pod, { config, plain })
  return {
    kind: 'inject',
    operations: patch.operations,
    warnings: [...warnings, ...probes.warnings, ...oddities(pod, options)],
  }
}

/**
 * Our containers, in the order in which they start. `redirect` ends once the sidecar is ready, so that
 * nothing of the pod's own runs before.
 */
function ownContainers(config: InjectConfig, parts: SidecarParts): readonly Json[] {
  const { options } = parts
  return [
    sidecarContainer(config, parts),
    ...(options.interception === 'redirect' ? [redirectContainer(config, options)] : []),
  ]
}

/**
 * `explicit`: where the app may be reached past its sidecar: its own side of each mapping, and the ports
 * that it declares beside.
 */
function appPortsOf(pod: PodView, { interception, inbound }: PodOptions): readonly number[] {
  if (interception === 'redirect') return []
  const declared = pod.containers
    .filter(({ isLasting }) => isLasting)
    .flatMap(({ raw }) => listOf(raw['ports']).map(mapOf))
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map(({ containerPort }) => containerPort)
    .filter((port): port is number => typeof port === 'number')
    .filter((port) => !inbound.some(({ listen }) => listen === port))
  return [...new Set([...inbound.map(({ app }) => app), ...declared])].sort((a, b) => a - b)
}

function oddities(pod: PodView, options: PodOptions): string[] {
  const { spec } = pod
  const warnings: string[] = []
  if (spec['shareProcessNamespace'] === true) {
    warnings.push(
      'shareProcessNamespace: true lets containers that run as root look into the sidecar',
    )
  }
  const open = appPortsOf(pod, options).filter(
    (port) => !options.inbound.some(({ app }) => app === port),
  )
  if (open.length > 0) {
    warnings.push(
      `ports ${open.join(', ')} are not in tokenward.dev/inbound: nothing checks calls to them`,
    )
  }
  return warnings
}

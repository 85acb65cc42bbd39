import { keys } from '../../api/keys.ts'
import { listOf, mapOf } from '../json.ts'
import type { NamespaceFacts } from './config.ts'
import { otherMesh } from './mesh.ts'
import {
  authorityAudience,
  containerNames,
  discoveryAudience,
  isReserved,
  reservedPorts,
  sidecarUser,
  volumeNames,
} from './names.ts'
import { exclusionsOf, type PodOptions } from './options.ts'
import { nameOf, type PodView } from './pod.ts'
import { required } from './select.ts'

/** Why this pod cannot be injected as it is, each a sentence that says what to change. */
export function checkPod(pod: PodView): string[] {
  return [
    ...checkSystem(pod),
    ...checkNames(pod),
    ...checkUser(pod),
    ...checkPorts(pod),
    ...checkTokens(pod),
  ]
}

function checkSystem({ spec }: PodView): string[] {
  const { 'kubernetes.io/os': selected } = mapOf(spec['nodeSelector'])
  const isWindows = mapOf(spec['os'])['name'] === 'windows' || selected === 'windows'
  return isWindows
    ? ['a Windows pod cannot have a sidecar: label it tokenward.dev/inject: disabled']
    : []
}

function checkNames({ containers }: PodView): string[] {
  const taken = containers.filter(({ name }) => containerNames.includes(name))
  const mounting = containers.flatMap(({ name, raw }) =>
    [...listOf(raw['volumeMounts']), ...listOf(raw['volumeDevices'])]
      .map((mount) => nameOf(mapOf(mount)))
      .filter((volume) => volumeNames.includes(volume))
      .map((volume) => `container ${name} mounts volume ${volume}, which is the sidecar's alone`),
  )
  return [
    ...taken.map(({ name }) => `container ${name} has a name that is the sidecar's: rename it`),
    ...mounting,
  ]
}

/** Traffic of the sidecar's user is not redirected: another container that ran as it would go around it. */
function checkUser({ containers, spec }: PodView): string[] {
  const ofPod = mapOf(spec['securityContext'])
  return containers.flatMap(({ name, raw }) => {
    const own = mapOf(raw['securityContext'])
    return (['runAsUser', 'runAsGroup'] as const)
      .filter((field) => (own[field] ?? ofPod[field]) === sidecarUser)
      .map(
        (field) =>
          `container ${name} has ${field}: ${sidecarUser}, which is the sidecar's: choose another`,
      )
  })
}

function checkPorts({ containers }: PodView): string[] {
  return containers.flatMap(({ name, raw }) =>
    listOf(raw['ports'])
      .map((port) => mapOf(port)['containerPort'])
      .filter((port): port is number => typeof port === 'number' && isReserved(port))
      .map((port) => `container ${name} has port ${port}: ${reservedPorts} are the sidecar's`),
  )
}

/** Tokens for authority and controller are the sidecar's evidence of who the workload is. */
function checkTokens({ volumes }: PodView): string[] {
  return volumes.flatMap((volume) => {
    if (volumeNames.includes(nameOf(volume))) return []
    return listOf(mapOf(volume['projected'])['sources'])
      .map((source) => mapOf(mapOf(source)['serviceAccountToken'])['audience'])
      .filter((audience) => audience === discoveryAudience || audience === authorityAudience)
      .map(
        (audience) =>
          `volume ${nameOf(volume)} has a token with audience ${String(audience)}, which is for the sidecar alone`,
      )
  })
}

/** Why the way of interception is not possible, or not allowed, where this pod is. */
export function checkInterception(
  pod: PodView,
  {
    namespace,
    options,
    isRequired,
  }: {
    readonly namespace: NamespaceFacts
    readonly options: PodOptions
    readonly isRequired: boolean
  },
): string[] {
  const problems: string[] = []
  if (isRequired) {
    if (options.interception === 'explicit') {
      problems.push(`${keys.interception}: explicit is not allowed: ${required(namespace)}`)
    }
    for (const key of exclusionsOf(options)) {
      problems.push(`${key} is not allowed: ${required(namespace)}`)
    }
  }
  if (options.interception === 'explicit') return problems
  const level = namespace.labels['pod-security.kubernetes.io/enforce']
  if (level === 'baseline' || level === 'restricted') {
    const remedy = isRequired
      ? `${required(namespace)} allows no other, so let it enforce privileged, or make it tokenward.dev/inject: enabled and set ${keys.interception}: explicit`
      : `set ${keys.interception}: explicit, which needs no rights, and ${keys.inbound}`
    problems.push(
      `namespace ${namespace.name} enforces Pod Security "${level}", which forbids the init container that redirects: ${remedy}`,
    )
  }
  const mesh = otherMesh(pod, namespace)
  if (mesh !== undefined) {
    problems.push(
      `${mesh.name} redirects this pod too (${mesh.sign}), and only one can: leave the pod out of ${mesh.name}, or set ${keys.interception}: explicit`,
    )
  }
  return problems
}

import { isMap, mapOf, sameJson, type Json } from '../json.ts'
import type { Patch } from '../patch.ts'
import { nameOf, type OwnContainer, type PodView } from './pod.ts'

/** Recomputed in every pass: what another webhook adds to the pod, or says of it, changes it. */
const derived = ['args', 'resources', 'imagePullPolicy', 'startupProbe'] as const

/**
 * Our containers as they become, in their order. One that is there already with our name must be ours in
 * everything that is not derived: else it is a problem, for a pod does not choose its own sidecar.
 */
export function settleOwn(
  { own }: PodView,
  wanted: readonly Json[],
  problems: string[],
): readonly Json[] {
  const names = own.map(({ name }) => name)
  for (const name of names.filter((each, index) => names.indexOf(each) !== index)) {
    problems.push(`init container ${name} is there twice`)
  }
  return wanted.map((container) => {
    const found = own.find(({ name }) => name === nameOf(container))
    if (found === undefined) return container
    const settled = { ...container, ...keptOf(found.raw, container) }
    const differing = differences(found.raw, settled)
    if (differing.length > 0) {
      problems.push(
        `init container ${found.name} is not the one that this webhook makes (${differing.join(', ')}): remove it from the pod, or stop what changes it`,
      )
    }
    return settled
  })
}

/** What plugins of the API server add to every container: limits of a LimitRange, AlwaysPullImages. */
function keptOf(found: Json, wanted: Json): Json {
  const pulled = found['imagePullPolicy'] === 'Always' ? { imagePullPolicy: 'Always' } : {}
  const before = mapOf(found['resources'])
  const ours = mapOf(wanted['resources'])
  const resources = {
    ...ours,
    ...Object.fromEntries(
      ['requests', 'limits'].map((each) => [
        each,
        { ...mapOf(before[each]), ...mapOf(ours[each]) },
      ]),
    ),
  }
  return { ...pulled, resources }
}

function differences(found: Json, wanted: Json): string[] {
  return [...new Set([...Object.keys(found), ...Object.keys(wanted)])]
    .filter((field) => !derived.includes(field as never) && !sameJson(found[field], wanted[field]))
    .sort()
}

/** Puts ours first and in order, whatever another webhook put before them. */
export function placeOwn(patch: Patch, { own, spec }: PodView, wanted: readonly Json[]): void {
  const steps = ['spec', 'initContainers'] as const
  if (isInPlace(own, wanted)) {
    for (const [index, container] of wanted.entries()) {
      if (!sameJson(own[index]?.raw, container)) patch.replace([...steps, index], container)
    }
    return
  }
  for (const { index } of [...own].reverse()) patch.remove([...steps, index])
  if (!Array.isArray(spec['initContainers'])) patch.add(steps, wanted)
  else for (const [index, container] of wanted.entries()) patch.add([...steps, index], container)
}

function isInPlace(own: readonly OwnContainer[], wanted: readonly Json[]): boolean {
  return (
    own.length === wanted.length &&
    own.every(({ name, index }, at) => {
      const container = wanted[at]
      return index === at && isMap(container) && nameOf(container) === name
    })
  )
}

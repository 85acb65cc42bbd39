import { listOf, mapOf, textOf, type Json } from '../json.ts'
import type { Pointer } from '../patch.ts'
import { containerNames, volumeNames } from './names.ts'

/** A container of the pod that is not ours. */
export interface Container {
  readonly raw: Json
  readonly name: string
  /** Where it stands in the pod. */
  readonly steps: Pointer
  /** Runs beside the app: of `containers`, or an init container that is never over. */
  readonly isLasting: boolean
}

export interface OwnContainer {
  readonly raw: Json
  readonly name: string
  readonly index: number
}

/** A Pod's parts that injection looks at; the rest of it is never touched. */
export interface PodView {
  readonly raw: Json
  readonly spec: Json
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly containers: readonly Container[]
  /** Of `initContainers`, those that have a name of ours. */
  readonly own: readonly OwnContainer[]
  readonly volumes: readonly Json[]
  /** Of `volumes`, those that have a name of ours. */
  readonly ownVolumes: ReadonlyMap<string, Json>
}

export function readPod(pod: unknown): PodView {
  const raw = mapOf(pod)
  const spec = mapOf(raw['spec'])
  const metadata = mapOf(raw['metadata'])
  const inits = listOf(spec['initContainers']).map(mapOf)
  const volumes = listOf(spec['volumes']).map(mapOf)
  return {
    raw,
    spec,
    labels: textsOf(metadata['labels']),
    annotations: textsOf(metadata['annotations']),
    containers: [
      ...listOf(spec['containers']).map((each, index) =>
        container(mapOf(each), ['spec', 'containers', index], true),
      ),
      ...inits.flatMap((each, index) =>
        isOwn(each)
          ? []
          : [
              container(
                each,
                ['spec', 'initContainers', index],
                each['restartPolicy'] === 'Always',
              ),
            ],
      ),
    ],
    own: inits.flatMap((each, index) =>
      isOwn(each) ? [{ raw: each, name: nameOf(each), index }] : [],
    ),
    volumes,
    ownVolumes: new Map(
      volumes.flatMap((each) =>
        volumeNames.includes(nameOf(each)) ? [[nameOf(each), each] as const] : [],
      ),
    ),
  }
}

/** The members of a map that are texts. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(mapOf(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(entries)
}

export function nameOf(each: Json): string {
  return textOf(each['name']) ?? ''
}

function isOwn(each: Json): boolean {
  return containerNames.includes(nameOf(each))
}

function container(raw: Json, steps: Pointer, isLasting: boolean): Container {
  return { raw, name: nameOf(raw), steps, isLasting }
}

import { createHash } from 'node:crypto'
import { written } from '../../api/keys.ts'
import { canonicalJson, type Json } from '../json.ts'
import type { Patch } from '../patch.ts'
import type { InjectConfig } from './config.ts'
import { defaultContainerKey } from './names.ts'
import type { PodView } from './pod.ts'

/**
 * Annotations that show which version and configuration a pod was made with, to find those that lag
 * behind; nothing is ever decided by them. And which container `kubectl logs` means where nobody says.
 * `plain` are our containers without what the pod itself adds to them.
 */
export function addMarks(
  patch: Patch,
  pod: PodView,
  { config, plain }: { readonly config: InjectConfig; readonly plain: readonly Json[] },
): void {
  const first = pod.containers.find(({ steps }) => steps[1] === 'containers')
  const isNamed = Object.hasOwn(pod.annotations, defaultContainerKey)
  const trusting = plain.map((container) => ({ ...container, env: undefined }))
  const metadata = pod.raw['metadata']
  const marks = {
    ...(isNamed || first === undefined ? {} : { [defaultContainerKey]: first.name }),
    [written.version]: config.version,
    [written.configHash]: hashOf(canonicalJson(trusting)),
    [written.trustHash]: hashOf(config.caBundle),
  }
  if (typeof metadata !== 'object' || metadata === null) {
    patch.add(['metadata'], { annotations: marks })
    return
  }
  const { annotations } = metadata as Json
  patch.setMembers(['metadata', 'annotations'], annotations, marks)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

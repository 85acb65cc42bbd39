import { parseObject } from '../api/parse.ts'
import type { Problem } from '../api/problem.ts'
import { parseTemplate } from '../policy/path.ts'
import { sameJson, textOf } from './json.ts'
import { sentences, type AdmissionRequest, type Verdict } from './review.ts'

/** As large as a file that the CLI reads. */
const maxBytes = 1024 * 1024

/**
 * Judges a resource of ours with the parser that CLI and controller use: unknown fields are refused, which
 * the API server itself would only drop. An update that leaves the spec as it is passes: labels and
 * finalizers of a resource that an older version took can still be changed.
 */
export function validate({ operation, object, oldObject }: AdmissionRequest): Verdict {
  if (operation === 'UPDATE' && sameJson(object['spec'], oldObject['spec'])) {
    return { allowed: true, outcome: 'allowed', reason: 'unchanged_spec', warnings: [] }
  }
  if (Buffer.byteLength(JSON.stringify(object)) > maxBytes) {
    return refuse(object['kind'], ['the resource is larger than 1 MiB'])
  }
  const { resources, problems, warnings, notes } = parseObject(object, 'object', { parseTemplate })
  if (problems.length > 0 || resources.length !== 1) {
    const said = [...problems, ...(problems.length === 0 ? notes : [])].map(sentence)
    return refuse(object['kind'], said.length > 0 ? said : ['it is not read by this version'])
  }
  return { allowed: true, outcome: 'allowed', reason: 'valid', warnings: warnings.map(sentence) }
}

function refuse(kind: unknown, problems: readonly string[]): Verdict {
  const message = `this ${textOf(kind)?.slice(0, 63) ?? 'resource'} is not valid: ${sentences(problems)}`
  return { allowed: false, outcome: 'refused', reason: 'resource', code: 422, message }
}

function sentence({ path, message, nearest }: Problem): string {
  const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`
  return `${path === '' ? 'it' : path} ${message}${hint}`
}

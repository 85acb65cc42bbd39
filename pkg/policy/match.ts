import type { CompiledOperation, RuleTerms, Template } from './workload-policy.ts'

const slashCode = 47

/** What a rule may need beyond the base (`needs`) and this build knows: nothing so far. */
export const features: readonly string[] = []

/** A rule that needs what we do not know never matches: an old reader never widens access. */
export function knowsNeeds(needs: readonly string[]): boolean {
  return needs.length === 0 || needs.every((need) => features.includes(need))
}

/** One row of one rule that covers a request. */
export interface Match<R extends RuleTerms> {
  readonly rule: R
  readonly operation: CompiledOperation
}

/**
 * Every row that covers a method (case-sensitive, RFC 9110 9.1) and a canonical path; with a path of
 * null (ambiguous, and no row judges paths) only rows for every path.
 */
export function matchRules<R extends RuleTerms>(
  rules: readonly R[],
  method: string,
  path: string | null,
): Match<R>[] {
  const matches: Match<R>[] = []
  for (const rule of rules) {
    if (!knowsNeeds(rule.needs)) continue
    for (const operation of rule.operations) {
      if (templateOf(operation, method, path) !== null) matches.push({ rule, operation })
    }
  }
  return matches
}

/** Whether a request may pass with no token at all. */
export function matchesPublic(
  operations: readonly CompiledOperation[],
  method: string,
  path: string | null,
): boolean {
  return operations.some((operation) => templateOf(operation, method, path) !== null)
}

/** Whether any row of a port could judge a path: then an ambiguous one is refused. */
export function judgesPath(port: {
  readonly rules: readonly RuleTerms[]
  readonly public: readonly CompiledOperation[]
}): boolean {
  return (
    port.rules.some((rule) => rule.operations.some((row) => row.paths !== undefined)) ||
    port.public.some((row) => row.paths !== undefined)
  )
}

/** The template by which a row covers a request; empty: it covers every path; null: it does not. */
export function templateOf(
  operation: CompiledOperation,
  method: string,
  path: string | null,
): string | null {
  if (operation.methods !== undefined && !operation.methods.includes(method)) return null
  if (operation.paths === undefined) return ''
  if (path === null) return null
  for (const { text, segments } of operation.paths) {
    if (matchesTemplate(segments, path)) return text
  }
  return null
}

function matchesTemplate(segments: Template, path: string): boolean {
  const last = segments.length - 1
  let start = 1
  for (let i = 0; i <= last; i++) {
    const segment = segments[i]
    if (segment === '**') return i === last
    let end: number
    if (typeof segment === 'string') {
      if (!path.startsWith(segment, start)) return false
      end = start + segment.length
      if (end < path.length && path.charCodeAt(end) !== slashCode) return false
    } else {
      const next = path.indexOf('/', start)
      end = next === -1 ? path.length : next
      if (end === start) return false
    }
    if (end === path.length) return i === last
    start = end + 1
  }
  return false
}

import type { FieldPath } from '../config/yaml.ts'
import { nearest } from '../config/nearest.ts'
import { listOf, mapOf, textsOf, type Loose } from './loose.ts'
import type { Finding } from './problem.ts'
import { createCoverage, type ParseTemplate } from './coverage.ts'

/** What the schema cannot say about the spec of an AccessPolicy (api.md, "Admission refuses"). */
export function checkPolicy(spec: unknown, parseTemplate: ParseTemplate | undefined): Finding[] {
  const { rules, public: open } = mapOf(spec)
  const templates = (operation: unknown, path: FieldPath) =>
    parseTemplate === undefined ? [] : checkTemplates(operation, path, parseTemplate)
  return [
    ...listOf(rules).flatMap((rule, index) => {
      const at = ['spec', 'rules', index]
      const operations = listOf(mapOf(rule)['operations'])
      return [
        ...checkRule(mapOf(rule), at),
        ...operations.flatMap((one, i) => templates(one, [...at, 'operations', i])),
        ...(parseTemplate === undefined ? [] : checkReach(operations, at, parseTemplate)),
      ]
    }),
    ...listOf(open).flatMap((one, index) => templates(one, ['spec', 'public', index])),
  ]
}

function checkRule(rule: Loose, path: FieldPath): Finding[] {
  const findings: Finding[] = []
  if (rule['delegation'] === 'Forbidden' && rule['subject'] !== undefined) {
    const message = 'says whose users, while delegation is Forbidden'
    findings.push({ path: [...path, 'subject'], message })
  }
  const scopes = textsOf(rule['scopes']).map(([, scope]) => scope)
  for (const [index, operation] of listOf(rule['operations']).entries()) {
    for (const [at, scope] of textsOf(mapOf(operation)['scopes'])) {
      if (scopes.includes(scope)) continue
      const near = nearest(scope, scopes)
      findings.push({
        path: [...path, 'operations', index, 'scopes', at],
        message: 'is not among the scopes of the rule',
        ...(near === undefined ? {} : { nearest: near }),
      })
    }
  }
  const { lifetime } = mapOf(rule['token'])
  if (typeof lifetime === 'string') {
    const seconds = durationSeconds(lifetime)
    if (seconds !== undefined && (seconds < 30 || seconds > 3600)) {
      findings.push({ path: [...path, 'token', 'lifetime'], message: 'must be from 30s to 1h' })
    }
  }
  return findings
}

/** `1h30m5s` in seconds; undefined for what the schema refuses. */
function durationSeconds(text: string): number | undefined {
  const parts = /^(?=\d)(?:(\d{1,2})h)?(?:(\d{1,4})m)?(?:(\d{1,4})s)?$/.exec(text)
  if (parts === null) return undefined
  const [hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0))
  return hours * 3600 + minutes * 60 + seconds
}

function checkTemplates(operation: unknown, path: FieldPath, parse: ParseTemplate): Finding[] {
  return textsOf(mapOf(operation)['paths']).flatMap(([index, text]) => {
    // The schema says so already.
    if (!text.startsWith('/')) return []
    const { problem } = parse(text)
    return problem === undefined ? [] : [{ path: [...path, 'paths', index], message: problem }]
  })
}

/** An operation that an earlier one covers looks as if it narrowed something, and does not. */
function checkReach(
  operations: readonly unknown[],
  path: FieldPath,
  parse: ParseTemplate,
): Finding[] {
  const covers = createCoverage(parse)
  return operations.flatMap((operation, index) => {
    const earlier = operations
      .slice(0, index)
      .findIndex((one) => covers(mapOf(one), mapOf(operation)))
    if (earlier === -1) return []
    const message = `is unreachable: operations[${earlier}], before it, covers all of it`
    return [{ path: [...path, 'operations', index], message }]
  })
}

/** What is allowed and still likely to be a mistake. */
export function warnPolicy(spec: unknown): Finding[] {
  return listOf(mapOf(spec)['rules']).flatMap((rule, index) =>
    listOf(mapOf(rule)['from']).flatMap((source, at) => {
      const path = ['spec', 'rules', index, 'from', at]
      const { serviceAccount, issuer } = mapOf(source)
      const isDefault = mapOf(serviceAccount)['name'] === 'default'
      return [
        ...(isDefault
          ? [{ path: [...path, 'serviceAccount', 'name'], message: defaultAccount }]
          : []),
        ...['clients', 'subjects'].flatMap((name) =>
          textsOf(mapOf(issuer)[name]).flatMap(([i, text]) =>
            text === '*'
              ? [{ path: [...path, 'issuer', name, i], message: 'matches everyone' }]
              : [],
          ),
        ),
      ]
    }),
  )
}

const defaultAccount =
  'is the account of every pod that names none: give the caller a service account of its own'

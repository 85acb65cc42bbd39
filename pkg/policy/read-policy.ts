import type { AccessPolicy } from '../api/types.ts'
import { createReader, labelName, matching, objectName, omitted } from './problem.ts'
import type { Problem, Reader } from './problem.ts'
import { readOperation } from './read-operation.ts'
import type { CompiledOperation, Delegation } from './workload-policy.ts'

/** An AccessPolicy as it was understood, with every default filled in. */
export interface ReadPolicy {
  readonly namespace: string
  /** `namespace/name`. */
  readonly policy: string
  readonly targets: readonly ReadTarget[]
  readonly rules: readonly ReadRule[]
  readonly public: readonly CompiledOperation[]
}

interface ReadTarget {
  readonly field: string
  readonly service: string
  /** Undefined: every port. */
  readonly portName: string | undefined
}

export interface ReadRule {
  readonly field: string
  readonly rule: string
  readonly serviceAccounts: readonly { readonly namespace: string; readonly name: string }[]
  readonly issuers: readonly ReadIssuerCaller[]
  readonly scopes: readonly string[]
  readonly delegation: Delegation
  readonly subjectIssuers: readonly string[] | undefined
  readonly subjectScopes: readonly string[]
  readonly operations: readonly CompiledOperation[]
  /** The field of each row of `operations`; the rule's own where it has none. */
  readonly operationFields: readonly string[]
  readonly lifetimeSeconds: number
}

interface ReadIssuerCaller {
  readonly name: string
  readonly clients: readonly string[] | undefined
  readonly subjects: readonly string[] | undefined
}

/** Facts from outside the policy that reading depends on. */
export interface KnownIssuers {
  /** Names of all TrustedIssuers, accepted or not. */
  readonly names: ReadonlySet<string>
}

const defaultLifetimeSeconds = 300
const delegations: readonly string[] = ['Required', 'Allowed', 'Forbidden']

/** scope-token of RFC 6749 3.3: a blank in one would make it two. */
const scopeName = matching(/^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/, 'a scope (RFC 6749 3.3)')
const pattern = matching(/^[^*]{0,255}\*?$/, 'a value or a beginning with "*" after it')

/** Reads a policy strictly: with one problem nothing of it counts. */
export function readPolicy(
  resource: AccessPolicy,
  issuers: KnownIssuers,
): { readonly policy?: ReadPolicy; readonly problems: readonly Problem[] } {
  const reader = createReader()
  const { namespace, name } = resource.metadata
  const spec = reader.object(resource.spec, 'spec', ['targetRefs', 'rules', 'public'])
  if (spec === undefined) return { problems: reader.problems }

  const refs = reader.list(spec['targetRefs'], 'spec.targetRefs', { min: 1, max: 16 }) ?? []
  const rules = reader.list(omitted(spec['rules'], []), 'spec.rules', { max: 32 }) ?? []
  const open = reader.list(omitted(spec['public'], []), 'spec.public', { max: 16 }) ?? []
  const context = { reader, namespace, issuers }
  const policy: ReadPolicy = {
    namespace,
    policy: `${namespace}/${name}`,
    targets: refs.flatMap((ref, i) => readTarget(reader, ref, `spec.targetRefs[${i}]`) ?? []),
    rules: rules.flatMap((rule, i) => readRule(context, rule, `spec.rules[${i}]`) ?? []),
    public: open.flatMap(
      (row, i) => readOperation(reader, row, { field: `spec.public[${i}]` }) ?? [],
    ),
  }
  const seen = new Set<string>()
  for (const { field, rule } of policy.rules) {
    if (seen.has(rule)) reader.report(`${field}.name`, `another rule is named "${rule}" too`)
    seen.add(rule)
  }
  return reader.problems.length === 0 ? { policy, problems: [] } : { problems: reader.problems }
}

interface Context {
  readonly reader: Reader
  readonly namespace: string
  readonly issuers: KnownIssuers
}

function readTarget(reader: Reader, value: unknown, field: string): ReadTarget | undefined {
  const ref = reader.object(value, field, ['group', 'kind', 'name', 'sectionName'])
  if (ref === undefined) return undefined
  if (omitted(ref['group'], '') !== '') reader.report(`${field}.group`, 'is not the core group ""')
  if (ref['kind'] !== 'Service') reader.report(`${field}.kind`, 'is not Service')
  const service = reader.text(ref['name'], `${field}.name`, labelName)
  const section = ref['sectionName']
  const portName =
    section === undefined ? undefined : reader.text(section, `${field}.sectionName`, labelName)
  return service === undefined ? undefined : { field, service, portName }
}

const ruleFields = ['name', 'from', 'scopes', 'delegation', 'subject', 'operations', 'token']

function readRule(context: Context, value: unknown, field: string): ReadRule | undefined {
  const { reader } = context
  const row = reader.object(value, field, ruleFields)
  if (row === undefined) return undefined
  const rule = reader.text(row['name'], `${field}.name`, labelName) ?? ''
  const sources = reader.list(row['from'], `${field}.from`, { min: 1, max: 16 }) ?? []
  const from = sources.map((source, i) => readSource(context, source, `${field}.from[${i}]`))
  const scopes =
    reader.texts(omitted(row['scopes'], []), `${field}.scopes`, { max: 32, check: scopeName }) ?? []
  const delegation = reader.text(
    omitted(row['delegation'], 'Allowed'),
    `${field}.delegation`,
    (text) => (delegations.includes(text) ? undefined : `is none of ${delegations.join(', ')}`),
  )
  const subject = readSubject(context, row['subject'], `${field}.subject`)
  if (subject.given && delegation === 'Forbidden') {
    reader.report(`${field}.subject`, 'says whose users, but delegation is Forbidden')
  }
  const rows = reader.list(omitted(row['operations'], []), `${field}.operations`, { max: 32 }) ?? []
  const operations = rows.flatMap((operation, i) => {
    const at = `${field}.operations[${i}]`
    return readOperation(reader, operation, { field: at, scopes }) ?? []
  })
  return {
    field,
    rule,
    serviceAccounts: from.flatMap((source) => source?.serviceAccount ?? []),
    issuers: from.flatMap((source) => source?.issuer ?? []),
    scopes: [...new Set(scopes)].sort(),
    // Whoever says whose users speaks of users only: nobody acts as itself, or for a workload.
    delegation: subject.asksForUser ? 'Required' : (delegation as Delegation),
    subjectIssuers: subject.issuers,
    subjectScopes: subject.scopes,
    operations: rows.length === 0 ? [{ scopes: [...new Set(scopes)].sort() }] : operations,
    operationFields: rows.length === 0 ? [field] : rows.map((_, i) => `${field}.operations[${i}]`),
    lifetimeSeconds: readLifetime(reader, row['token'], `${field}.token`),
  }
}

interface ReadSource {
  readonly serviceAccount?: { readonly namespace: string; readonly name: string }
  readonly issuer?: ReadIssuerCaller
}

function readSource(context: Context, value: unknown, field: string): ReadSource | undefined {
  const { reader } = context
  const source = reader.object(value, field, ['serviceAccount', 'issuer'])
  if (source === undefined) return undefined
  if (Object.keys(source).length !== 1) {
    return reader.report(field, 'is not exactly one of serviceAccount and issuer')
  }
  if (source['serviceAccount'] !== undefined) {
    const at = `${field}.serviceAccount`
    const account = reader.object(source['serviceAccount'], at, ['namespace', 'name'])
    if (account === undefined) return undefined
    const given = omitted(account['namespace'], context.namespace)
    const namespace = reader.text(given, `${at}.namespace`, labelName)
    const name = reader.text(account['name'], `${at}.name`, objectName)
    if (namespace === undefined || name === undefined) return undefined
    return { serviceAccount: { namespace, name } }
  }
  const at = `${field}.issuer`
  const issuer = reader.object(source['issuer'], at, ['name', 'clients', 'subjects'])
  if (issuer === undefined) return undefined
  const name = reader.text(issuer['name'], `${at}.name`, known(context.issuers))
  const patterns = (key: string) => {
    if (issuer[key] === undefined) return undefined
    return reader.texts(issuer[key], `${at}.${key}`, { min: 1, max: 16, check: pattern })
  }
  const [clients, subjects] = [patterns('clients'), patterns('subjects')]
  return name === undefined ? undefined : { issuer: { name, clients, subjects } }
}

function known(issuers: KnownIssuers) {
  return (name: string) =>
    issuers.names.has(name) ? undefined : `no TrustedIssuer is named "${name}"`
}

function readSubject(context: Context, value: unknown, field: string) {
  const { reader } = context
  const none = { given: false, asksForUser: false, issuers: undefined, scopes: [] }
  if (value === undefined) return none
  const row = reader.object(value, field, ['issuers', 'scopes'])
  if (row === undefined) return none
  const check = known(context.issuers)
  const issuers =
    row['issuers'] === undefined
      ? undefined
      : reader.texts(row['issuers'], `${field}.issuers`, { min: 1, max: 16, check })
  const scopes = reader.texts(omitted(row['scopes'], []), `${field}.scopes`, {
    max: 32,
    check: scopeName,
  })
  const asksForUser = issuers !== undefined || (scopes ?? []).length > 0
  return { given: true, asksForUser, issuers: issuers?.sort(), scopes: scopes?.sort() ?? [] }
}

function readLifetime(reader: Reader, value: unknown, field: string): number {
  if (value === undefined) return defaultLifetimeSeconds
  const token = reader.object(value, field, ['lifetime'])
  if (token?.['lifetime'] === undefined) return defaultLifetimeSeconds
  const text = reader.text(token['lifetime'], `${field}.lifetime`)
  if (text === undefined) return defaultLifetimeSeconds
  const parts = /^(?=\d)(?:(\d{1,4})h)?(?:(\d{1,4})m)?(?:(\d{1,4})s)?$/.exec(text)
  const [hours, minutes, seconds] = [1, 2, 3].map((i) => Number(parts?.[i] ?? 0))
  const total = (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)
  if (parts !== null && total >= 30 && total <= 3600) return total
  reader.report(`${field}.lifetime`, 'is not a duration from 30s to 1h, such as 5m')
  return defaultLifetimeSeconds
}

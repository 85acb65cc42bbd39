import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { chart, objectsOf, renderText, type Rendered } from '../support/helm.ts'

interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly verbs: readonly string[]
}

const objects = objectsOf(renderText())
const ofKind = (...kinds: string[]) => objects.filter(({ kind }) => kinds.includes(kind))
const rulesOf = (role: Rendered) => role['rules'] as readonly Rule[]

/** One line for each group, resource, name and verb, so that two tables compare whatever their order. */
function lines(process: string, where: string, rule: Rule): string[] {
  const { apiGroups = [], resources = [], nonResourceURLs = [], resourceNames = [], verbs } = rule
  const named = resourceNames.length === 0 ? [''] : resourceNames
  const things = [
    ...apiGroups.flatMap((group) => resources.map((resource) => `${group} ${resource}`)),
    ...nonResourceURLs.map((url) => ` ${url}`),
  ]
  return things.flatMap((thing) =>
    named.flatMap((name) => verbs.map((verb) => `${process} ${where} ${thing} ${name} ${verb}`)),
  )
}

function documented(): string[] {
  const page = readFileSync(`${chart}/README.md`, 'utf8')
  const rows =
    page
      .split('## Rights')[1]
      ?.split('\n')
      .filter((line) => line.startsWith('|')) ?? []
  return rows.slice(2).flatMap((row) => {
    const cells = row.split('|').slice(1, -1)
    const [process = '', where = '', ...rest] = cells.map((cell) => cell.trim())
    const [group = [], resources = [], resourceNames = [], verbs = []] = rest.map((cell) =>
      [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    )
    const [apiGroups] = [group.length === 0 ? [''] : group]
    return lines(process, where, { apiGroups, resources, resourceNames, verbs })
  })
}

function rendered(): string[] {
  const roles = ofKind('ClusterRole', 'Role').filter(
    ({ metadata }) => !/^tokenward-(view|admin)$/.test(metadata.name),
  )
  return roles.flatMap((role) => {
    const process = role.metadata.name.replace('tokenward-', '')
    const where = role.kind === 'Role' ? 'its namespace' : 'cluster'
    return rulesOf(role).flatMap((rule) => lines(process, where, rule))
  })
}

test('the rights are those of the README’s table, no more and no fewer', () => {
  expect(rendered().sort()).toEqual(documented().sort())
})

test('each role is bound to the service account of its own process, and to nobody else', () => {
  const bound = ofKind('ClusterRoleBinding', 'RoleBinding').map((binding) => [
    binding.metadata.name,
    (binding['roleRef'] as { name: string }).name,
    binding['subjects'],
  ])
  const subject = (name: string) => [
    { kind: 'ServiceAccount', name, namespace: 'tokenward-system' },
  ]
  expect(bound.sort()).toEqual(
    ['controller', 'controller', 'uninstall', 'webhook'].map((process) => {
      const name = `tokenward-${process}`
      return [name, name, subject(name)]
    }),
  )
})

test('no rule has a wildcard, and Secrets are reached in the chart’s own namespace alone', () => {
  const rules = ofKind('ClusterRole', 'Role').flatMap(rulesOf)
  expect(JSON.stringify(rules)).not.toContain('*')
  expect(JSON.stringify(ofKind('ClusterRole').flatMap(rulesOf))).not.toContain('secrets')
})

test('a right over Secrets that are there already is for the five by name', () => {
  const rules = ofKind('Role').flatMap(rulesOf)
  const secrets = rules.filter(({ resources }) => resources?.includes('secrets') === true)
  const unnamed = secrets.filter(({ resourceNames = [] }) => resourceNames.length === 0)
  expect(unnamed.map(({ verbs }) => verbs)).toEqual([['create']])
  expect(secrets.flatMap(({ resourceNames = [] }) => resourceNames)).toHaveLength(5)
})

test('only a process with rights gets a token for the API server', () => {
  const accounts = ofKind('ServiceAccount').map((one) => one['automountServiceAccountToken'])
  expect(accounts).toEqual([false, false, false, false])
  const mounts = ofKind('Deployment').map(({ metadata, spec }) => {
    const pod = (spec as { template: { spec: Record<string, unknown> } }).template.spec
    return [metadata.name, pod['automountServiceAccountToken']]
  })
  expect(mounts.sort()).toEqual([
    ['tokenward-authority', false],
    ['tokenward-controller', true],
    ['tokenward-webhook', true],
  ])
})

test('viewers read, administrators of a namespace write AccessPolicies, and nobody a TrustedIssuer', () => {
  const roles = Object.fromEntries(ofKind('ClusterRole').map((role) => [role.metadata.name, role]))
  const aggregated = (name: string) =>
    Object.keys(roles[name]?.metadata.labels ?? {})
      .filter((label) => label.startsWith('rbac.authorization.k8s.io/aggregate-to-'))
      .map((label) => label.slice('rbac.authorization.k8s.io/aggregate-to-'.length))
  expect(aggregated('tokenward-view')).toEqual(['view'])
  expect(aggregated('tokenward-admin')).toEqual(['admin'])
  expect(roles['tokenward-view']?.['rules']).toEqual([
    {
      apiGroups: ['tokenward.dev'],
      resources: ['accesspolicies', 'trustedissuers'],
      verbs: ['get', 'list', 'watch'],
    },
  ])
  expect(JSON.stringify(roles['tokenward-admin']?.['rules'])).not.toContain('trustedissuers')
})

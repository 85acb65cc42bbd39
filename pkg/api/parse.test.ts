import { describe, expect, test } from 'vitest'
import { parseObject, parseResources } from './parse.ts'
import { formatProblem, pathSteps, pathText } from './problem.ts'

const policy = `apiVersion: tokenward.dev/v1alpha1
kind: AccessPolicy
metadata: { name: payments, namespace: shop }
spec:
  targetRefs:
    - name: payments
  rules:
    - name: orders
      from:
        - serviceAccount: { name: orders }
      token: {}
`

const linesOf = (text: string, file = 'shop.yaml') =>
  parseResources(text, file).problems.map(formatProblem)

describe('resources', () => {
  test('defaults are filled in, and what an API server would have made is empty', () => {
    const [located] = parseResources(policy, 'shop.yaml').resources
    expect(located?.resource).toEqual({
      apiVersion: 'tokenward.dev/v1alpha1',
      kind: 'AccessPolicy',
      metadata: { name: 'payments', namespace: 'shop', uid: '', resourceVersion: '' },
      spec: {
        targetRefs: [{ group: '', kind: 'Service', name: 'payments' }],
        rules: [
          {
            name: 'orders',
            from: [{ serviceAccount: { name: 'orders' } }],
            delegation: 'Allowed',
            token: { lifetime: '5m' },
          },
        ],
      },
    })
  })

  test('an object of an API server is read as its text would be', () => {
    const object = {
      apiVersion: 'tokenward.dev/v1alpha1',
      kind: 'AccessPolicy',
      metadata: { name: 'payments', namespace: 'shop', uid: 'u', generation: 3 },
      spec: { targetRefs: [{ group: '', kind: 'Service', name: 'payments' }] },
      status: { conditions: [] },
    }
    const parsed = parseObject(object, 'shop/payments')
    expect(parsed.problems).toEqual([])
    expect(parsed.resources[0]?.resource).toMatchObject({ metadata: { uid: 'u' } })
    const mistyped = { ...object, spec: { ...object.spec, rule: [] } }
    expect(parseObject(mistyped, 'shop/payments')).toMatchObject({
      resources: [],
      problems: [{ file: 'shop/payments', path: 'spec.rule', nearest: 'rules' }],
    })
  })

  test('a field is found by its path, in words or in steps', () => {
    const [located] = parseResources(policy, 'shop.yaml').resources
    expect(located?.locate('spec.rules[0].from[0]')).toEqual({ line: 10, column: 11 })
    expect(located?.locate(['spec', 'rules', 0, 'name'])).toEqual({ line: 8, column: 7 })
  })

  test('status of a resource is not taken from a file', () => {
    const [located] = parseResources(`${policy}status: { conditions: 1 }\n`, 'f').resources
    expect(located?.resource).not.toHaveProperty('status')
  })

  test('what is cluster-scoped has the empty namespace, the rest is in default', () => {
    const text = 'apiVersion: v1\nkind: Namespace\nmetadata: { name: a, namespace: b }\n'
    const account = '---\napiVersion: v1\nkind: ServiceAccount\nmetadata: { name: a }\n'
    const { resources } = parseResources(text + account, 'f')
    expect(resources.map(({ resource }) => resource.metadata.namespace)).toEqual(['', 'default'])
  })
})

describe('problems', () => {
  test('all are told, each with line, column, path and the nearest known name', () => {
    const text = policy
      .replace('serviceAccount', 'serviceAcount')
      .replace('rules:', 'rule: []\n  rules:')
      .replace('- name: payments', '- name: 5')
    expect(linesOf(text)).toEqual([
      'shop.yaml:6:7: spec.targetRefs[0].name is a number and must be a text',
      'shop.yaml:7:3: spec.rule is not a known field; did you mean rules?',
      'shop.yaml:11:11: spec.rules[0].from[0].serviceAcount is not a known field; did you mean serviceAccount?',
      'shop.yaml:11:11: spec.rules[0].from[0] must have exactly one of serviceAccount and issuer',
    ])
  })

  test('checks across fields speak beside the schema', () => {
    const text = policy.replace('token: {}', 'token: { lifetime: 9h }\n      delegation: no')
    expect(linesOf(text).join('\n')).toMatch(/delegation must be[^]*|lifetime must be from/)
    expect(linesOf(text)).toHaveLength(2)
  })

  test('an item of a List is named by its place there', () => {
    const items = 'items:\n- { apiVersion: v1, kind: Pod, metadata: { nam: a } }\n'
    expect(linesOf(`apiVersion: v1\nkind: List\n${items}`)).toEqual([
      'shop.yaml:4:32: items[0].metadata.name is missing',
    ])
  })

  test('one broken object takes no other with it', () => {
    const text = `${policy}---\n${policy.replace('name: payments', 'name: Payments')}`
    const { resources, problems } = parseResources(text, 'f')
    expect(resources).toHaveLength(1)
    expect(problems).toHaveLength(1)
  })

  test('text of the file in a message stays on one line and writes nothing on a terminal', () => {
    const text = policy.replace('rules:', '"a\\e[2J\\u202e": 1\n  rules:')
    expect(linesOf(text)).toEqual([
      'shop.yaml:7:3: spec["a\\u001b[2J\\u{202e}"] is not a known field',
    ])
  })

  test('an object twice in one file', () => {
    expect(linesOf(`${policy}---\n${policy}`)).toEqual([
      'shop.yaml:15:13: metadata.name is the second AccessPolicy of this name in this file',
    ])
  })

  test('a key is never repeated in a message', () => {
    const key = '{ kty: EC, kid: a, d: 870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE }'
    const text = `apiVersion: tokenward.dev/v1alpha1
kind: TrustedIssuer
metadata: { name: corp }
spec:
  issuer: https://corp.example
  keys: { jwks: { keys: [${key}, 870MB6gf] } }
  audiences: [{ value: a, services: [{ namespace: a, name: b }] }]
`
    expect(linesOf(text)).toHaveLength(3)
    expect(linesOf(text).join()).not.toContain('870MB6gf')
  })

  test.each([
    ['our group in another version', 'tokenward.dev/v2', 'AccessPolicy', 'apiVersion must be'],
    ['a group that is almost ours', 'tokenward.dev/v1alpha', 'AccessPolicy', 'apiVersion must be'],
    ['a kind that is almost ours', 'tokenward.dev/v1alpha1', 'TrustedIsuer', 'TrustedIssuer?'],
    ['our kind without a version', '', 'AccessPolicy', 'apiVersion must be'],
  ])('%s is not passed over', (_, version, kind, line) => {
    const text = `${version === '' ? '' : `apiVersion: ${version}\n`}kind: ${kind}\nspec: {}\n`
    expect(linesOf(text).join()).toContain(line)
  })
})

test.each([
  ['a text that begins an object', 'apiV', 'shop.yaml:1:1: is not an object'],
  [
    'an object without a kind',
    'apiVersion: tok',
    'shop.yaml:1:1: kind is missing: is the text cut off?',
  ],
])('%s may be half a file and is not passed over', (_, text, line) => {
  expect(linesOf(text)).toEqual([line])
})

describe('what is not read is noted', () => {
  const notesOf = (text: string, file = 'f.yaml') => {
    const { resources, problems, notes } = parseResources(text, file)
    expect([...resources, ...problems]).toEqual([])
    return notes.map(formatProblem)
  }
  test.each([
    [
      'another kind',
      'apiVersion: apps/v1\nkind: Deployment\n',
      'does not use and is not read: Dep',
    ],
    ['a kind of v1', 'apiVersion: v1\nkind: ConfigMap\n', 'does not use and is not read: Conf'],
    ['our kind of another group', 'apiVersion: a.b/v1\nkind: AccessPolicy\n', 'does not use'],
    ['no object', 'workloads: []\n', 'is not a Kubernetes object'],
    ['a list', '- a\n', 'is not a Kubernetes object'],
  ])('%s', (_, text, note) => {
    expect(notesOf(text)[0]).toContain(note)
  })

  test.each(['kustomization.yaml', 'a/values-prod.yml', 'Chart.yaml'])('%s', (file) => {
    expect(notesOf('a: {{ b }}\n', file)[0]).toContain('belongs to another tool')
  })

  test('an empty text is nothing', () => {
    expect(notesOf('# only words\n')).toEqual([])
  })
})

test('warnings name what is allowed and likely to be a mistake, and refuse nothing', () => {
  const text = policy.replace(
    '- serviceAccount: { name: orders }',
    '- serviceAccount: { name: default }\n        - issuer: { name: corp, clients: ["*"] }',
  )
  const { resources, warnings } = parseResources(text, 'f')
  expect(resources).toHaveLength(1)
  expect(warnings.map(formatProblem)).toEqual([
    expect.stringMatching(/^f:10:29: .*serviceAccount\.name is the account of every pod/),
    expect.stringMatching(/^f:11:43: .*clients\[0\] matches everyone/),
  ])
  expect(parseResources(policy, 'f').warnings).toEqual([])
})

test('a path in words and in steps is the same path', () => {
  const path = ['metadata', 'labels', 'app.kubernetes.io/name', 3, 'a"b', 'x-y']
  expect(pathText(path)).toBe('metadata.labels["app.kubernetes.io/name"][3]["a\\"b"].x-y')
  expect(pathSteps(pathText(path))).toEqual(path)
})

import { expect, test } from 'vitest'
import { definition as authority } from '../../cmd/authority/settings.ts'
import { definition as controller } from '../../cmd/controller/settings.ts'
import { definition as webhook } from '../../cmd/webhook/settings.ts'
import type { Field } from '../../pkg/config/field.ts'
import { flagOf } from '../../pkg/config/names.ts'
import { objectsOf, renderText } from '../support/helm.ts'

interface Container {
  readonly name: string
  readonly image: string
  readonly command: readonly string[]
  readonly args?: readonly string[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[]
  readonly securityContext: unknown
  readonly resources: { readonly limits?: { readonly memory?: string } }
  readonly readinessProbe?: unknown
  readonly livenessProbe?: unknown
  readonly volumeMounts?: readonly { readonly name: string; readonly readOnly?: boolean }[]
}

interface Pod {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly containers: readonly Container[]
    readonly volumes?: readonly Readonly<Record<string, unknown>>[]
  }
}

interface Workload {
  readonly selector?: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> }
    readonly spec: Pod['spec']
  }
}

const objects = objectsOf(renderText(['controller.allowPrivateIssuers=true']))
const workloads = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
const pods: readonly Pod[] = workloads.map(({ metadata, spec }) => {
  const { template } = spec as Workload
  return { name: metadata.name, labels: template.metadata.labels, spec: template.spec }
})
const containers = pods.flatMap(({ name, spec }) =>
  spec.containers.map((container) => [name, container] as const),
)

test('there are three processes and the hook that removes the webhooks', () => {
  expect(pods.map(({ name }) => name).sort()).toEqual([
    'tokenward-authority',
    'tokenward-controller',
    'tokenward-uninstall',
    'tokenward-webhook',
  ])
})

// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
test.each(pods.map((pod) => [pod.name, pod] as const))(
  '%s passes Pod Security restricted',
  (_, { spec }) => {
    expect(spec['securityContext']).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    const forbidden = ['hostNetwork', 'hostPID', 'hostIPC', 'initContainers', 'hostUsers']
    expect(Object.keys(spec).filter((key) => forbidden.includes(key))).toEqual([])
    const kinds = (spec.volumes ?? []).flatMap((volume) => Object.keys(volume))
    const allowed = ['name', 'secret', 'projected', 'emptyDir']
    expect(kinds.filter((kind) => !allowed.includes(kind))).toEqual([])
  },
)

test.each(containers)('%s has a container with no rights that writes nowhere', (_, container) => {
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  expect(container.resources.limits?.memory).toMatch(/^\d+Mi$/)
  const writable = (container.volumeMounts ?? []).filter(({ readOnly }) => readOnly !== true)
  expect(writable.map(({ name }) => name).filter((name) => name !== 'state')).toEqual([])
})

test.each(containers.filter(([name]) => name !== 'tokenward-uninstall'))(
  '%s is probed on its admin port',
  (_, { livenessProbe, readinessProbe, ports }) => {
    expect(livenessProbe).toMatchObject({ httpGet: { path: '/healthz', port: 'admin' } })
    expect(readinessProbe).toMatchObject({ httpGet: { path: '/readyz', port: 'admin' } })
    expect(ports?.map(({ name }) => name)).toContain('admin')
  },
)

const programs: Readonly<Record<string, Readonly<Record<string, Field<unknown>>>>> = {
  authority: authority.fields,
  controller: controller.fields,
  webhook: webhook.fields,
}

test.each(Object.entries(programs))(
  '%s is given settings that it has, and all that it needs',
  (name, fields) => {
    const container = containers.find(([, one]) => one.name === name)?.[1]
    const given = (container?.args ?? []).map((argument) => argument.slice(2).split('=')[0])
    const known = Object.keys(fields).map(flagOf)
    expect(given.filter((flag) => !known.includes(flag ?? ''))).toEqual([])
    const needed = Object.entries(fields).filter(([, field]) => field.required)
    expect(given).toEqual(expect.arrayContaining(needed.map(([key]) => flagOf(key))))
    expect(container?.command).toEqual(['node', `/tokenward/${name}.mjs`])
  },
)

test('Services, disruption budgets and Deployments select the same pods, and no two processes share any', () => {
  const fits = (selector: Readonly<Record<string, string>>) =>
    pods
      .filter(({ labels }) =>
        Object.entries(selector).every(([key, value]) => labels[key] === value),
      )
      .map(({ name }) => name)
  const selecting = objects.filter(({ kind }) =>
    ['Service', 'PodDisruptionBudget', 'Deployment'].includes(kind),
  )
  const selected = selecting.map(({ metadata, spec }) => {
    const { selector } = spec as { selector: Readonly<Record<string, unknown>> }
    const labels = selector['matchLabels'] ?? selector
    return [metadata.name, fits(labels as Readonly<Record<string, string>>)]
  })
  expect(selected).toHaveLength(9)
  for (const [name, names] of selected) expect(names).toEqual([name])
})

test('Services lead to ports that their pods have', () => {
  const services = objects.filter(({ kind }) => kind === 'Service')
  const led = services.map(({ metadata, spec }) => {
    const [port] = (spec as { ports: readonly { port: number; targetPort: string }[] }).ports
    const container = containers.find(([name]) => name === metadata.name)?.[1]
    const target = container?.ports?.find(({ name }) => name === port?.targetPort)
    return [metadata.name, port?.port, target?.containerPort]
  })
  expect(led.sort()).toEqual([
    ['tokenward-authority', 443, 15480],
    ['tokenward-controller', 443, 15543],
    ['tokenward-webhook', 443, 10250],
  ])
})

test('the authority shows the controller a token of that audience, and none else', () => {
  const { volumes } = pods.find(({ name }) => name === 'tokenward-authority')?.spec ?? {}
  const projected = volumes?.find((volume) => volume['name'] === 'tokens')?.['projected']
  expect(projected).toMatchObject({
    sources: [{ serviceAccountToken: { path: 'discovery', audience: 'tokenward:discovery' } }],
  })
})

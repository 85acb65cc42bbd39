import { expect, test } from 'vitest'
import { readFileSync } from 'node:fs'
import { readValues } from '../../cmd/generate/values.ts'
import { chart, helm, objectsOf, renderText } from '../support/helm.ts'

/** Another value than the default for each that the chart has. */
const others: Readonly<Record<string, unknown>> = {
  'image.repository': 'registry.example/tokenward',
  'image.tag': 'v9',
  'image.digest': `sha256:${'a'.repeat(64)}`,
  'image.pullPolicy': 'Always',
  imagePullSecrets: [{ name: 'pull' }],
  trustDomain: 'prod.example',
  clusterDomain: 'cluster.example',
  logLevel: 'debug',
  'crds.enabled': false,
  'controller.replicas': 3,
  'controller.allowPrivateIssuers': true,
  'controller.resources': { limits: { memory: '2Gi' } },
  'webhook.replicas': 3,
  'webhook.resources': { limits: { memory: '2Gi' } },
  'authority.replicas': 3,
  'authority.issuer': 'https://tokenward-authority.tokenward-system.svc.cluster.local',
  'authority.resources': { limits: { memory: '2Gi' } },
  'sidecar.interception': 'explicit',
  'sidecar.resources': { requests: { cpu: '1' }, limits: { memory: '1Gi' } },
  'sidecar.logLevel': 'warn',
  priorityClassName: 'system-cluster-critical',
  nodeSelector: { pool: 'system' },
  tolerations: [{ key: 'system', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
}
const set = (path: string, value: unknown) => `${path}=${JSON.stringify(value)}`

const plain = renderText()

test('what the chart makes of its defaults is the golden file (vitest -u makes it anew)', async () => {
  // Versions of Helm order the kinds differently.
  const documents = plain.split(/^---\n/m).sort()
  await expect(documents.join('---\n')).toMatchFileSnapshot('golden/default.yaml')
})

test('helm lint has nothing to say', () => {
  const { ok, output } = helm(['lint', '--strict', '--kube-version', '1.36.0', chart])
  expect(output).toContain('0 chart(s) failed')
  expect(ok).toBe(true)
})

test('every value has another one here', () => {
  const values = readValues(readFileSync(`${chart}/values.yaml`, 'utf8'))
  expect(values.map(({ path }) => path).sort()).toEqual(Object.keys(others).sort())
})

test.each(Object.entries(others))(
  '%s changes what is made, and it is YAML still',
  (path, value) => {
    const text = renderText([set(path, value)])
    expect(text).not.toBe(plain)
    expect(objectsOf(text).length).toBeGreaterThan(20)
  },
)

test('all other values at once are YAML too, and no name is longer than 63 characters', () => {
  const text = renderText(Object.entries(others).map(([path, value]) => set(path, value)))
  const names = objectsOf(text).map(({ metadata }) => metadata.name)
  expect(names.filter((name) => name.length > 63)).toEqual([])
})

test('the same values make the same text: nothing is drawn or looked up', () => {
  expect(renderText()).toBe(plain)
})

test.each(['1.33.0', '1.33.4-gke.1', '1.36.3'])('Kubernetes %s is accepted', (version) => {
  expect(() => renderText([], version)).not.toThrow()
})

test('Kubernetes 1.32 is refused: its sidecars are not stable', () => {
  expect(() => renderText([], '1.32.9')).toThrow('requires kubeVersion: >=1.33.0-0')
})

test('the definitions are kept when the chart goes, and can be left out', () => {
  const crds = (text: string) =>
    objectsOf(text).filter(({ kind }) => kind === 'CustomResourceDefinition')
  const kept = crds(plain).map(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'])
  expect(kept).toEqual(['keep', 'keep'])
  expect(crds(renderText(['crds.enabled=false']))).toEqual([])
})

test('a digest beats the tag', () => {
  const digest = `sha256:${'b'.repeat(64)}`
  const text = renderText([set('image.digest', digest), set('image.tag', 'v9')])
  expect(text).toContain(`image: "localhost/tokenward@${digest}"`)
  expect(text).not.toContain(':v9')
})

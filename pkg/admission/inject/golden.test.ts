import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  applyPatch,
  goldenFile,
  goldenText,
  injectConfig as config,
  readPodCases,
  type PodCase,
} from '../../../test/support/pods.ts'
import { expectKept } from '../../../test/support/kept.ts'
import { listOf, mapOf, type Json } from '../json.ts'
import { inject, type Injection } from './inject.ts'

const cases = readPodCases()

function patched(pod: Json, injection: Injection): Json {
  return injection.kind === 'inject' ? applyPatch(pod, injection.operations) : pod
}

function textOf(pod: Json, injection: Injection): string {
  if (injection.kind === 'refuse') return `${injection.problems.join('\n')}\n`
  return goldenText(pod, [
    ...(injection.kind === 'skip' ? [`not injected: ${injection.reason}`] : []),
    ...injection.warnings.map((warning) => `warning: ${warning}`),
  ])
}

test('there are pods of every kind', () => {
  expect(cases.length).toBeGreaterThanOrEqual(25)
})

const context = (each: PodCase) => ({ namespace: each.namespace, config })

test.each(cases)('$name: $about', async (each) => {
  const injection = inject(each.pod, context(each))
  const refused = injection.kind === 'refuse'
  const [other, kind] = refused
    ? (['golden.yaml', 'refusal'] as const)
    : (['refusal', 'golden.yaml'] as const)
  const text = textOf(patched(each.pod, injection), injection)
  // `vitest -u` makes them anew: read what changed.
  await expect(text).toMatchFileSnapshot(goldenFile(each.name, kind))
  expect(existsSync(goldenFile(each.name, other))).toBe(false)
})

describe('what is injected', () => {
  const injected = cases.flatMap((each) => {
    const injection = inject(each.pod, context(each))
    return injection.kind === 'inject' ? [{ ...each, result: patched(each.pod, injection) }] : []
  })

  test.each(injected)('$name gives an empty patch the second time', ({ result, ...each }) => {
    expect(inject(result, context(each))).toMatchObject({ kind: 'inject', operations: [] })
  })

  test.each(injected)('$name keeps everything that it had', ({ pod, result }) => {
    expectKept(pod, result)
  })

  test.each(injected)('$name has a sidecar that "restricted" lets pass', ({ result }) => {
    const inits = listOf(mapOf(result['spec'])['initContainers']).map(mapOf)
    const sidecar = inits.find((container) => container['name'] === 'tokenward-sidecar')
    expect(sidecar).toMatchObject({
      restartPolicy: 'Always',
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        runAsNonRoot: true,
        runAsUser: 15400,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    })
  })
})

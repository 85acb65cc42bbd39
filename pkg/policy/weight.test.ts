import { expect, test } from 'vitest'
import { account, pod, policy, service, shop, target } from '../../test/support/world.ts'
import type { AccessPolicySpec } from '../api/types.ts'
import { compile } from './compile.ts'
import { namespaceBytes } from './weight.ts'

const names = Array.from({ length: 16 }, (_, at) => `s${at}`)

/** A policy of a tenant that names orders of the shop as caller of all its Services. */
const naming = (name: string, rules: number, operations: number) => {
  const row = (at: number) => ({
    methods: ['GET'],
    paths: Array.from({ length: 8 }, (_, path) => `/${at}/${path}/${'a'.repeat(60)}`),
  })
  const spec: AccessPolicySpec = {
    targetRefs: names.map(target),
    rules: Array.from({ length: rules }, (_, at) => ({
      name: `r${at}`,
      from: [{ serviceAccount: { namespace: 'shop', name: 'orders' } }],
      operations: Array.from({ length: operations }, (__, number) => row(number)),
    })),
  }
  return policy('tenant', name, spec)
}

const compiled = (...policies: ReturnType<typeof naming>[]) => {
  const base = shop()
  const { sidecars, authority, verdicts } = compile({
    ...base,
    serviceAccounts: [...base.serviceAccounts, account('tenant', 'x')],
    services: [...base.services, ...names.map((name) => service('tenant', name))],
    pods: [...base.pods, ...names.map((name) => pod('tenant', name))],
    policies: [...base.policies, ...policies],
  })
  const victim = sidecars.get('pod-shop-orders-0') ?? sidecars.get('pod-shop-orders')
  const accepted = new Map(verdicts.map(({ name, conditions }) => [name, conditions[0]?.status]))
  const bytes = JSON.stringify(victim).length + JSON.stringify(authority.edges).length
  return { accepted, bytes }
}

test('one namespace cannot make the sections of another one’s workload too large to be sent', () => {
  const { accepted, bytes } = compiled(naming('huge', 32, 32))
  expect(accepted.get('huge')).toBe('False')
  expect(accepted.get('payments')).toBe('True')
  expect(bytes).toBeLessThan(namespaceBytes)
})

test('nor by many policies: those count that fit together, by name', () => {
  const many = Array.from({ length: 8 }, (_, at) => naming(`p${at}`, 4, 8))
  const { accepted, bytes } = compiled(...many, naming('huge', 32, 32))
  const fitting = many.filter(({ metadata }) => accepted.get(metadata.name) === 'True')
  expect(fitting.length).toBeGreaterThan(1)
  expect(fitting.length).toBeLessThan(8)
  expect(bytes).toBeLessThan(namespaceBytes)
})

test('what a namespace usually says fits many times over', () => {
  const usual = Array.from({ length: 20 }, (_, at) => naming(`p${at}`, 1, 1))
  const { accepted } = compiled(...usual)
  expect(usual.every(({ metadata }) => accepted.get(metadata.name) === 'True')).toBe(true)
})

import { expect, test } from 'vitest'
import { definition as redirect } from '../../cmd/redirect/settings.ts'
import { definition as sidecar } from '../../cmd/sidecar/settings.ts'
import { inject } from '../../pkg/admission/inject/inject.ts'
import { listOf, mapOf } from '../../pkg/admission/json.ts'
import { readSettings } from '../../pkg/config/settings.ts'
import type { Address } from '../../pkg/http/address.ts'
import { applyPatch, injectConfig as config, readPodCases } from '../support/pods.ts'

const injected = readPodCases().flatMap(({ name, pod, namespace }) => {
  const injection = inject(pod, { namespace, config })
  return injection.kind === 'inject'
    ? [{ name, result: applyPatch(pod, injection.operations) }]
    : []
})

/** Folders and files that are there only in a pod. */
const mounted = /^--(discovery-token-file|authority-token-file|state-folder)=/

test.each(injected)('the programs of $name take the settings that it gives them', ({ result }) => {
  const inits = listOf(mapOf(result['spec'])['initContainers']).map(mapOf)
  let awaited: Address | undefined
  let admin: readonly Address[] = []
  for (const { name, args, env } of inits) {
    const argv = listOf(args).map(String)
    if (name === 'tokenward-redirect')
      awaited = readSettings(redirect, { argv, env: {} }).awaitSidecar
    if (name !== 'tokenward-sidecar') continue
    const variables = listOf(env).map(mapOf)
    const given = Object.fromEntries(
      variables.map((each) => [String(each['name']), String(each['value'])] as const),
    )
    const here = argv.map((each) =>
      mounted.test(each) ? each.replace(/=.*/, () => placeOf(each)) : each,
    )
    const settings = readSettings(sidecar, { argv: here, env: given })
    expect(settings.caBundle).toBe(config.caBundle)
    admin = settings.adminAddress
  }
  if (awaited !== undefined) expect(admin).toContainEqual(awaited)
})

function placeOf(argument: string): string {
  return argument.startsWith('--state-folder') ? '=/tmp' : '=/etc/hosts'
}

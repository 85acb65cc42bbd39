import { listOf, mapOf } from '../json.ts'
import type { Patch } from '../patch.ts'
import { ports } from './names.ts'
import { nameOf, type PodView } from './pod.ts'

const proxy = `http://127.0.0.1:${ports.outbound}`
const loopback = 'localhost,127.0.0.1,::1'

/**
 * `explicit`: the variables by which HTTP clients find the sidecar. What a container says itself stays, and
 * is repeated in the other case, or some clients would read ours and some its own. `https_proxy` is not set:
 * there is no token for what an app encrypts itself, and it goes out as it is.
 */
const variables: readonly (readonly [name: string, value: string, twin?: string])[] = [
  ['http_proxy', proxy, 'HTTP_PROXY'],
  ['HTTP_PROXY', proxy, 'http_proxy'],
  ['no_proxy', loopback, 'NO_PROXY'],
  ['NO_PROXY', loopback, 'no_proxy'],
  ['NODE_USE_ENV_PROXY', '1'],
]

/** Adds the variables that a container lacks to every container of the pod that is not ours. */
export function addProxyVariables(patch: Patch, pod: PodView): void {
  for (const { raw, steps } of pod.containers) {
    const present = listOf(raw['env']).map((each) => nameOf(mapOf(each)))
    const missing = variables.filter(([name]) => !present.includes(name))
    patch.append(
      [...steps, 'env'],
      raw['env'],
      missing.map(([name, value, twin]) => ({
        name,
        value: twin !== undefined && present.includes(twin) ? `$(${twin})` : value,
      })),
    )
  }
}

import { Refusal } from '../refusal/refusal.ts'
import type { Form } from './form.ts'

/** RFC 6749 3.3. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]{1,64}$/
const maxScopes = 32

/** Scopes that are asked for; undefined where none are named. Throws Refusal `invalid_scope`. */
export function readScopes(form: Form): readonly string[] | undefined {
  const text = form.get('scope')
  if (text === undefined) return undefined
  const scopes = [...new Set(text.split(' '))]
  if (scopes.length > maxScopes || !scopes.every((scope) => scopeToken.test(scope))) {
    throw new Refusal('invalid_scope')
  }
  return scopes
}

/**
 * The one target, by `audience` or `resource` (RFC 8693 2.1, RFC 8707 2). One token has one audience:
 * several are `invalid_target`, none is `invalid_request`.
 */
export function readTarget(form: Form): string {
  const resources = form.all('resource')
  for (const resource of resources) {
    if (!URL.canParse(resource) || resource.includes('#')) throw new Refusal('invalid_target')
  }
  const targets = [...form.all('audience'), ...resources]
  if (targets.length > 1) {
    throw new Refusal('invalid_target', { hint: 'A token is for one target; ask for one.' })
  }
  const [target] = targets
  if (target === undefined) {
    throw new Refusal('invalid_request', { hint: 'The request names no audience or resource.' })
  }
  return target
}

/** Parameters of other grants that carry a credential. */
const credentials = ['assertion', 'code', 'refresh_token', 'device_code', 'password']

/**
 * Throws Refusal `invalid_request` where one of these is there, or a credential of another grant: a
 * token is never dropped silently.
 */
export function refuseParameters(form: Form, names: readonly string[]): void {
  for (const name of [...names, ...credentials]) {
    if (form.get(name) !== undefined) {
      throw new Refusal('invalid_request', { hint: `The grant does not take ${name}.` })
    }
  }
}

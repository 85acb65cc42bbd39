import { Refusal } from '../../refusal/refusal.ts'
import type { Form } from '../form.ts'
import type { Limiter } from '../limits.ts'
import type { Client, ClientMethod, Judging } from './client.ts'

/** Client-authentication methods by `client_assertion_type`. */
export type ClientMethods = Readonly<Record<string, ClientMethod>>

export interface Attempt extends Judging {
  readonly form: Form
  /** The `Authorization` header, which no client of ours uses. */
  readonly authorization: string | undefined
  readonly remoteAddress: string
}

/**
 * The authenticated client of a request. Throws Refusal `client_assertion`, `client_unknown`, `behind`,
 * `rate_limited`. Failures are limited per address; who has authenticated before is not held up by them.
 */
export function authenticate(
  attempt: Attempt,
  { methods, failures }: { readonly methods: ClientMethods; readonly failures: Limiter },
): Client {
  const { form, authorization, remoteAddress } = attempt
  const assertion = form.get('client_assertion')
  if (authorization !== undefined || form.get('client_secret') !== undefined) {
    if (assertion !== undefined) {
      // RFC 6749 5.2.
      throw new Refusal('invalid_request', { hint: 'A client authenticates in one way, not two.' })
    }
    throw new Refusal('client_unknown', { hint: 'Clients authenticate with a client_assertion.' })
  }
  const type = form.get('client_assertion_type') ?? ''
  const method = Object.hasOwn(methods, type) ? methods[type] : undefined
  if (method === undefined || assertion === undefined) {
    throw new Refusal('client_unknown', {
      hint: 'The request carries no client_assertion of a type that is known here.',
    })
  }
  if (!failures.has(remoteAddress) && !method.isKnown(assertion)) {
    throw new Refusal('rate_limited', { retryAfterSeconds: 1 })
  }
  try {
    const client = method.authenticate(assertion, attempt)
    const named = form.get('client_id')
    if (named !== undefined && named !== client.identity) throw new Refusal('client_unknown')
    return client
  } catch (error) {
    const ours = error instanceof Refusal && ['behind', 'keys_unavailable'].includes(error.reason)
    if (!ours) failures.take(remoteAddress)
    throw error
  }
}

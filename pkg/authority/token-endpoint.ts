import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Refusal } from '../refusal/refusal.ts'
import type { Audit } from '../telemetry/audit.ts'
import type { Bearer } from '../token/claims.ts'
import { sign } from '../token/sign.ts'
import { authenticate, type ClientMethods } from './clients/authenticate.ts'
import type { Client } from './clients/client.ts'
import { readForm, type Form } from './form.ts'
import type { GrantType, Granted } from './grants/grant.ts'
import { claimsOf } from './issue.ts'
import type { Limiter } from './limits.ts'
import type { Policy, PolicyState } from './policy-state.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface TokenEndpointOptions {
  readonly state: PolicyState
  readonly signingKeys: SigningKeys
  /** Grants by `grant_type`. */
  readonly grants: Readonly<Record<string, GrantType>>
  readonly methods: ClientMethods
  readonly verifySubject: (token: string) => Bearer | Promise<Bearer>
  readonly limits: { readonly perClient: Limiter; readonly failures: Limiter }
  readonly audit: Audit
  readonly nowSeconds: () => number
  /** Counts answers by grant and outcome. */
  readonly onAnswer: (grant: string, outcome: string) => void
}

/** What is known of a request so far, for its audit line. */
interface Trail {
  grant: string
  client?: Client
  granted?: Granted
}

/** The token endpoint (RFC 6749 3.2) as a list of steps. Gives the body of a 200; rejects with Refusal. */
export function createTokenEndpoint(
  options: TokenEndpointOptions,
): (request: IncomingMessage) => Promise<object> {
  const { state, audit, nowSeconds, onAnswer } = options

  return async (request) => {
    const trail: Trail = { grant: 'none' }
    try {
      const form = await readForm(request)
      const policy = state.judging()
      const now = nowSeconds()
      trail.client = authenticateClient(request, { form, policy, now })
      limitClient(trail.client)
      const grant = selectGrant(form, trail)
      const { client } = trail
      const { verifySubject } = options
      trail.granted = await grant({ form, client, policy, nowSeconds: now, verifySubject })
      const answer = signGranted(trail.granted, { client, policy, now })
      record(trail, 'granted')
      return answer
    } catch (error) {
      record(trail, error instanceof Refusal ? error.reason : 'internal', error)
      throw error
    }
  }

  function authenticateClient(
    request: IncomingMessage,
    { form, policy, now }: { form: Form; policy: Policy; now: number },
  ): Client {
    const { methods, limits } = options
    const { authorization } = request.headers
    const remoteAddress = request.socket.remoteAddress ?? ''
    return authenticate(
      { form, policy, nowSeconds: now, authorization, remoteAddress },
      { methods, failures: limits.failures },
    )
  }

  function limitClient(client: Client): void {
    if (!options.limits.perClient.take(client.identity)) {
      throw new Refusal('rate_limited', { retryAfterSeconds: 1 })
    }
  }

  function selectGrant(form: Form, trail: Trail): GrantType {
    const name = form.get('grant_type')
    if (name === undefined) {
      throw new Refusal('invalid_request', { hint: 'The request names no grant_type.' })
    }
    const grant = Object.hasOwn(options.grants, name) ? options.grants[name] : undefined
    if (grant === undefined) throw new Refusal('unsupported_grant_type')
    trail.grant = name
    return grant
  }

  function signGranted(
    granted: Granted,
    { client, policy, now }: { client: Client; policy: Policy; now: number },
  ): object {
    const key = options.signingKeys.active(policy.publishedKids)
    if (key === undefined) throw new Refusal('keys_unavailable', { retryAfterSeconds: 1 })
    const { issuer } = policy
    const claims = claimsOf(granted, { issuer, client, nowSeconds: now, id: randomUUID() })
    const { issuedTokenType } = granted
    return {
      access_token: sign(claims, key, 'at+jwt'),
      ...(issuedTokenType === undefined ? {} : { issued_token_type: issuedTokenType }),
      token_type: 'Bearer',
      expires_in: granted.expiresAtSeconds - now,
      scope: granted.scopes.join(' '),
    }
  }

  function record({ grant, client, granted }: Trail, outcome: string, error?: unknown): void {
    onAnswer(grant, outcome)
    const refused = error instanceof Refusal ? error : undefined
    audit({
      decision: outcome === 'granted' ? 'granted' : 'refused',
      reason: outcome,
      grant,
      client: client?.identity,
      pod: client?.workload.pod,
      subject: granted === undefined ? undefined : (granted.subject?.hash ?? 'self'),
      actors: granted?.actors,
      audience: granted?.audience,
      scope: granted?.scopes.join(' '),
      policy: granted?.policy ?? refused?.facts.policy,
      rule: granted?.rule ?? refused?.facts.rule,
      expiresAtSeconds: granted?.expiresAtSeconds,
      cause: refused?.cause instanceof Refusal ? refused.cause.reason : undefined,
    })
  }
}

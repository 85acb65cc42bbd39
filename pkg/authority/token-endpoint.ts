import { randomUUID } from 'node:crypto'
import { fieldOf, type ServedRequest } from '../http/serve/request.ts'
import { Refusal } from '../refusal/refusal.ts'
import type { Audit } from '../telemetry/audit.ts'
import type { Bearer } from '../token/claims.ts'
import { sign } from '../token/sign.ts'
import { subjectHash } from '../token/subject-hash.ts'
import { authenticate, type ClientMethods } from './clients/authenticate.ts'
import type { Client } from './clients/client.ts'
import { readForm, type Form } from './form.ts'
import type { GrantType, Granted, Trail } from './grants/grant.ts'
import { claimsOf } from './issue.ts'
import type { Limiter } from './limits.ts'
import type { Policy, PolicyState } from './policy-state.ts'
import type { SigningKeys } from './signing-keys.ts'
import { together } from './together.ts'

/** Longer tokens are refused before they are parsed (tokens.md, JOSE rules). */
const maxTokenBytes = 16 * 1024

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
interface Request extends Trail {
  /** Id of the decision, and of the token where there is one (`jti`). */
  readonly id: string
  grant: string
  policy?: Policy
  client?: Client
}

interface Judged {
  readonly granted: Granted
  readonly client: Client
  readonly policy: Policy
  readonly now: number
}

/** The token endpoint (RFC 6749 3.2) as a list of steps. Gives the body of a 200; rejects with Refusal. */
export function createTokenEndpoint(
  options: TokenEndpointOptions,
): (request: ServedRequest) => Promise<object> {
  const { state, audit, nowSeconds, onAnswer } = options

  return async (message) => {
    const request: Request = { id: randomUUID(), grant: 'none' }
    try {
      const judged = await judge(message, readForm(message), request)
      await together
      const answer = signGranted(judged, request.id)
      await together
      record(request, judged.granted)
      return answer
    } catch (error) {
      record(request, error)
      throw error
    }
  }

  /** Where a key had to be fetched the policy may have changed meanwhile: then all of it anew. */
  async function judge(message: ServedRequest, form: Form, request: Request): Promise<Judged> {
    const policy = state.judging()
    const now = nowSeconds()
    request.policy = policy
    const client = authenticateClient(message, { form, policy, now })
    request.client = client
    limitClient(client)
    const grant = selectGrant(form, request)
    const { verifySubject } = options
    const granted = await grant({
      form,
      client,
      policy,
      nowSeconds: now,
      trail: request,
      verifySubject,
    })
    if (state.current() !== policy) return judge(message, form, request)
    return { granted, client, policy, now }
  }

  function authenticateClient(
    { fields, remoteAddress }: ServedRequest,
    { form, policy, now }: { form: Form; policy: Policy; now: number },
  ): Client {
    const { methods, limits } = options
    const authorization = fieldOf(fields, 'authorization')
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

  function selectGrant(form: Form, request: Request): GrantType {
    const name = form.get('grant_type')
    if (name === undefined) {
      throw new Refusal('invalid_request', { hint: 'The request names no grant_type.' })
    }
    const grant = Object.hasOwn(options.grants, name) ? options.grants[name] : undefined
    if (grant === undefined) throw new Refusal('unsupported_grant_type')
    request.grant = name
    return grant
  }

  function signGranted({ granted, client, policy, now }: Judged, id: string): object {
    const key = options.signingKeys.active(policy)
    if (key === undefined) throw new Refusal('keys_unavailable', { retryAfterSeconds: 1 })
    const { issuer } = policy
    const token = sign(claimsOf(granted, { issuer, client, nowSeconds: now, id }), key, 'at+jwt')
    if (token.length > maxTokenBytes) {
      // Nobody would accept it; what came with the subject (groups, mostly) is too much.
      throw new Refusal('subject_token', { hint: 'The token that it makes would be too large.' })
    }
    policy.noteSigned(token)
    const { issuedTokenType } = granted
    return {
      access_token: token,
      ...(issuedTokenType === undefined ? {} : { issued_token_type: issuedTokenType }),
      token_type: 'Bearer',
      expires_in: granted.expiresAtSeconds - now,
      scope: granted.scopes.join(' '),
    }
  }

  /** `outcome`: what was granted, or the error. Nothing of it is input that was not understood. */
  function record(
    { id, grant, policy, client, audience, subject }: Request,
    outcome: unknown,
  ): void {
    const refusal = outcome instanceof Refusal ? outcome : undefined
    const granted = isGranted(outcome) ? outcome : undefined
    const reason = granted === undefined ? (refusal?.reason ?? 'internal') : undefined
    onAnswer(grant, reason ?? 'granted')
    const known = audience !== undefined && policy?.isAudience(audience) === true
    audit({
      decision: id,
      verdict: granted === undefined ? 'deny' : 'allow',
      reason,
      // Which of the ways that a token can be wrong; the client is not told.
      cause: refusal?.cause instanceof Refusal ? refusal.cause.reason : undefined,
      grant,
      client: client?.identity,
      pod: client?.workload.pod,
      subject: subject === undefined ? granted && 'self' : subjectHash(subject),
      subjectToken: subject?.id,
      actors: granted?.actors,
      audience: audience === undefined || known ? audience : 'unknown',
      scope: granted?.scopes.join(' '),
      policy: granted?.policy ?? refusal?.facts.policy,
      rule: granted?.rule ?? refusal?.facts.rule,
      lifetimeSeconds: granted === undefined ? undefined : granted.expiresAtSeconds - nowSeconds(),
    })
  }
}

function isGranted(outcome: unknown): outcome is Granted {
  return !(outcome instanceof Error)
}

/**
 * Every way a decision can go against a request: HTTP status (for a proxied call), gRPC code, OAuth
 * error code (RFC 6749 5.2, RFC 6750 3.1, RFC 8693 2.2.2) and words that are safe to show anyone.
 */
export interface ReasonRow {
  readonly status: number
  readonly grpc: number
  readonly oauth?: string
  readonly words: string
}

const row = (status: number, grpc: number, words: string, oauth?: string): ReasonRow =>
  oauth === undefined ? { status, grpc, words } : { status, grpc, words, oauth }

export const reasons = {
  // Who calls: the token itself.
  no_token: row(401, 16, 'This call needs a token and carries none.'),
  token_malformed: row(401, 16, 'The token is not a well-formed token.', 'invalid_token'),
  token_type: row(401, 16, 'The token is not an access token.', 'invalid_token'),
  token_bound: row(
    401,
    16,
    'The token is bound to a key, and possession cannot be shown here yet.',
    'invalid_token',
  ),
  token_issuer: row(
    401,
    16,
    'The token comes from an issuer that is not trusted here.',
    'invalid_token',
  ),
  token_key: row(401, 16, 'The token is signed by a key that is not known here.', 'invalid_token'),
  token_signature: row(401, 16, 'The signature of the token does not verify.', 'invalid_token'),
  token_expired: row(401, 16, 'The token has expired.', 'invalid_token'),
  token_not_yet_valid: row(401, 16, 'The token is not valid yet.', 'invalid_token'),
  token_audience: row(401, 16, 'The token is for another audience.', 'invalid_token'),
  token_claims: row(
    401,
    16,
    'The token lacks a claim or has one of a wrong kind.',
    'invalid_token',
  ),
  two_tokens: row(400, 3, 'The request carries more than one token.', 'invalid_request'),

  // What may be called: the policy.
  no_policy: row(403, 7, 'No AccessPolicy covers this port.'),
  no_rule: row(403, 7, 'No rule allows this operation.'),
  caller_not_allowed: row(403, 7, 'No rule for this operation names this caller.'),
  delegation_required: row(403, 7, 'This call must be made on behalf of a user.', 'invalid_target'),
  delegation_forbidden: row(
    403,
    7,
    'This call must not be made on behalf of anyone.',
    'invalid_target',
  ),
  subject_not_allowed: row(
    403,
    7,
    'No rule allows this call for users of this issuer.',
    'invalid_target',
  ),
  subject_scope: row(
    403,
    7,
    "The user's token lacks a scope that this call needs.",
    'invalid_scope',
  ),
  insufficient_scope: row(
    403,
    7,
    'The token lacks a scope that this operation needs.',
    'insufficient_scope',
  ),
  actor_chain_too_long: row(
    403,
    7,
    'The chain of actors is longer than the rule allows.',
    'invalid_target',
  ),

  // On whose behalf: the evidence of the subject.
  subject_expired: row(
    403,
    7,
    'The request on whose behalf this call is made is over or its token has expired.',
  ),
  subject_unknown: row(403, 7, 'The handle names no request that is known here.'),
  subject_ambiguous: row(
    403,
    7,
    'The call names more than one request on whose behalf it is made.',
  ),
  subject_invalid: row(403, 7, 'The token that names the user does not verify.'),
  ambiguous_target: row(
    403,
    7,
    'The destination address belongs to several targets and Host names none of them.',
  ),
  peer_not_local: row(403, 7, 'Only callers in the same pod are served here.'),
  unmatched_denied: row(403, 7, 'No policy names this destination.'),

  // How it was said: the wire.
  malformed_request: row(400, 3, 'The request is not well-formed HTTP/1.1.'),
  ambiguous_path: row(400, 3, 'The path can be read in more than one way.'),
  ambiguous_host: row(400, 3, 'The Host of the request is missing, repeated or contradicted.'),
  head_too_large: row(431, 8, 'The head of the request is too large.'),
  body_too_large: row(413, 8, 'The body of the request is too large.', 'invalid_request'),
  unsupported_version: row(505, 12, 'Only HTTP/1.1 and HTTP/1.0 are spoken here.'),
  unsupported_protocol: row(501, 12, 'This protocol is not supported here.'),
  request_timeout: row(408, 4, 'The request did not arrive in time.'),
  loop_detected: row(508, 13, 'The request came back to the sidecar that sent it.'),

  // What is away: nobody is at fault, try again.
  no_policy_yet: row(503, 14, 'No policy has arrived yet.'),
  policy_stale: row(503, 14, 'The policy is older than its bound; no controller answers.'),
  keys_unavailable: row(
    503,
    14,
    'The keys of the issuer of the token cannot be had.',
    'temporarily_unavailable',
  ),
  authority_unavailable: row(503, 14, 'The authority cannot be reached.'),
  behind: row(503, 14, 'This replica has not seen that yet.', 'temporarily_unavailable'),
  overloaded: row(503, 14, 'Too many requests at once.', 'temporarily_unavailable'),
  rate_limited: row(429, 8, 'Too many requests of this client.', 'temporarily_unavailable'),
  draining: row(503, 14, 'The sidecar is stopping.'),
  upstream_unreachable: row(502, 14, 'The application cannot be reached.'),
  upstream_invalid: row(
    502,
    13,
    'The application answered something that is not well-formed HTTP/1.1.',
  ),
  upstream_timeout: row(504, 4, 'The application did not answer in time.'),
  internal: row(500, 13, 'Something went wrong here.', 'server_error'),

  // What the authority says (RFC 6749 5.2, RFC 8693 2.2.2).
  invalid_request: row(
    400,
    3,
    'The request lacks a parameter, repeats one or has one that is not valid.',
    'invalid_request',
  ),
  client_unknown: row(401, 16, 'The client is not known.', 'invalid_client'),
  client_assertion: row(401, 16, 'The assertion of the client does not verify.', 'invalid_client'),
  client_forbidden: row(403, 7, 'This identity may not subscribe as that kind of client.'),
  unauthorized_client: row(400, 7, 'The client may not use this grant.', 'unauthorized_client'),
  unsupported_grant_type: row(400, 12, 'The grant is not supported.', 'unsupported_grant_type'),
  subject_token: row(
    400,
    3,
    'The subject token does not verify or may not be presented by this client.',
    'invalid_request',
  ),
  subject_token_unsupported: row(
    400,
    3,
    'The subject token carries something that is not supported yet.',
    'invalid_request',
  ),
  actor_token_unsupported: row(400, 3, 'Actor tokens are not supported yet.', 'invalid_request'),
  invalid_target: row(
    400,
    7,
    'The target is not known or not allowed for this client.',
    'invalid_target',
  ),
  invalid_scope: row(
    400,
    7,
    'A scope that was asked for is not allowed for this client.',
    'invalid_scope',
  ),
} as const satisfies Record<string, ReasonRow>

export type Reason = keyof typeof reasons

/** The row of a reason. */
export function rowOf(reason: Reason): ReasonRow {
  return reasons[reason]
}

import { verify as verifyBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { Refusal } from '../../pkg/refusal/refusal.ts'
import { createTokenCache } from '../../pkg/token/cache.ts'
import { MAX_TOKEN_BYTES, readCompact } from '../../pkg/token/compact.ts'
import { importSigningKey } from '../../pkg/token/keys.ts'
import { peek } from '../../pkg/token/peek.ts'
import { verifyServiceAccount } from '../../pkg/token/service-account.ts'
import { createVerifier } from '../../pkg/token/verify.ts'
import { authorityIssuer, corpIssuer, corpTrust, nowSeconds } from '../support/jose.ts'

/** The key of RFC 7515 appendix A.3, published, so that kept inputs stay signed. */
export const exampleKey = importSigningKey({
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
  alg: 'ES256',
  kid: 'a3',
})
export const accountIssuer = 'https://accounts.example'
export const accountAudience = 'tokenward:authority'

const keys = [exampleKey.publicJwk]
const verifier = createVerifier({
  authority: { issuer: authorityIssuer, keys },
  issuers: [corpTrust({ issuer: corpIssuer, jwks: { keys }, subjectPrefix: '' })],
})
const cache = createTokenCache({ verifier, maxBytes: 1 << 20 })
const expected = { issuer: accountIssuer, keys, audience: accountAudience, nowSeconds }

/**
 * What is wrong with how we read a text; undefined where nothing is. Nothing but a Refusal is ever
 * thrown; what our parser reads, jose reads the same; what is accepted is signed; the cache agrees.
 */
export function contradiction(text: string): string | undefined {
  const bearer = attempt(() => verifier.verify(text, nowSeconds))
  const again = attempt(() => cache.verify(text, nowSeconds))
  const hit = attempt(() => cache.verify(text, nowSeconds))
  const account = attempt(() => verifyServiceAccount(text, expected))
  const parsed = attempt(() => readCompact(text))
  const glimpse = attempt(() => peek(text))
  const all = [bearer, again, hit, account, parsed, glimpse]
  const crash = all.find(({ error }) => error !== undefined && !(error instanceof Refusal))
  if (crash !== undefined) return `threw ${String(crash.error)}`
  if (!sameOutcome(bearer, again) || !sameOutcome(bearer, hit)) return 'the cache disagrees'
  if (parsed.value !== undefined) {
    if (text.length > MAX_TOKEN_BYTES) return 'read although it is too long'
    const other = attempt(() => [decodeProtectedHeader(text), decodeJwt(text)])
    if (other.error !== undefined)
      return `read, while jose refuses: ${other.error instanceof Error ? other.error.message : '?'}`
    if (!isDeepStrictEqual(other.value, [parsed.value.header, parsed.value.payload])) {
      return 'jose reads another header or payload'
    }
  }
  const accepted = bearer.value !== undefined || account.value !== undefined
  if (accepted && !isSigned(text)) return 'accepted although nobody signed it'
  if (bearer.value !== undefined) {
    if (!isDeepStrictEqual(glimpse.value?.aud, [...bearer.value.audiences])) return 'peek disagrees'
    if (/^(spiffe:\/\/|client:|system:)/i.test(bearer.value.subject)) {
      if (bearer.value.origin === 'issuer') return 'an issuer named a workload'
    }
  }
  return undefined
}

interface Outcome<T> {
  readonly value?: T
  readonly error?: unknown
}

function attempt<T>(work: () => T): Outcome<T> {
  try {
    return { value: work() }
  } catch (error) {
    return { error }
  }
}

function sameOutcome(one: Outcome<unknown>, other: Outcome<unknown>): boolean {
  const reason = ({ error }: Outcome<unknown>): unknown => (error as Refusal | undefined)?.reason
  return isDeepStrictEqual(one.value, other.value) && reason(one) === reason(other)
}

function isSigned(text: string): boolean {
  const end = text.lastIndexOf('.')
  const signature = Buffer.from(text.slice(end + 1), 'base64url')
  const key = { key: exampleKey.privateKey, dsaEncoding: 'ieee-p1363' } as const
  return verifyBytes('sha256', Buffer.from(text.slice(0, end)), key, signature)
}

import { readCompact } from './compact.ts'
import { audiencesOf } from './audiences.ts'

/**
 * Issuer and audiences that a token claims, NOT VERIFIED: enough to tell whose token it is, never
 * enough to act on. Null where it is no compact JWS with these claims.
 */
export function peek(token: string): { readonly iss: string; readonly aud: string[] } | null {
  try {
    const { payload } = readCompact(token)
    const aud = audiencesOf(payload['aud'])
    const iss = payload['iss']
    return typeof iss === 'string' && aud !== undefined ? { iss, aud } : null
  } catch {
    return null
  }
}

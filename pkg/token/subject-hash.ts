import { hash } from 'node:crypto'
import type { Bearer } from './claims.ts'

/**
 * A subject as audit lines name it, the same in every process: whether two are the same, not who they
 * are. 22 characters of base64url, 132 bits of SHA-256.
 */
export function subjectHash({ subject }: Pick<Bearer, 'subject'>): string {
  return hash('sha256', subject, 'base64url').slice(0, 22)
}

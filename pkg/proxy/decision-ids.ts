import { randomBytes } from 'node:crypto'

/** Ids that find an audit line: unique here, unlikely elsewhere, not secret. */
export function createDecisionIds(prefix = randomBytes(6).toString('base64url')): () => string {
  let count = 0
  return () => {
    count += 1
    return `${prefix}-${count.toString(36)}`
  }
}

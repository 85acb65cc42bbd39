import { readFileSync, statSync } from 'node:fs'
import type { Log } from '../telemetry/log.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'
import { importSigningKey, type SigningKey } from '../token/keys.ts'
import type { Policy } from './policy-state.ts'

export interface SigningKeys {
  /** The active key, once it is there and every sidecar has been told of it. */
  active(policy: Pick<Policy, 'isPublished'>): SigningKey | undefined
}

const lookEveryMs = 1000

/**
 * Follows the file of signing keys that the controller makes. Whatever is wrong with it is logged once,
 * and the last good state stays.
 */
export function openSigningKeys(options: {
  readonly file: string
  readonly log: Log
  readonly monotonicMs: () => number
}): SigningKeys {
  const { file, log, monotonicMs } = options
  let key: SigningKey | undefined
  let seen = ''
  let lookedAtMs = -Infinity

  const look = (): void => {
    if (monotonicMs() - lookedAtMs < lookEveryMs) return
    lookedAtMs = monotonicMs()
    const version = versionOf(file)
    if (version === seen) return
    seen = version
    try {
      key = readActive(readFileSync(file, 'utf8'))
      log.info({ kid: key.kid, alg: key.alg }, 'the signing key is read')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      const why = code ?? (error instanceof SyntaxError ? 'no JSON' : (error as Error).message)
      log.warn({ file, why }, 'the signing key cannot be read yet')
    }
  }
  look()
  return {
    active(policy) {
      look()
      return key !== undefined && policy.isPublished(key) ? key : undefined
    },
  }
}

/** Changes whenever the file may have. */
function versionOf(file: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(file)
    return `${ino} ${mtimeMs} ${size}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown error'
  }
}

function readActive(text: string): SigningKey {
  const { keys } = JSON.parse(text) as {
    keys?: readonly { readonly state?: string; readonly jwk?: JsonWebKeyRow }[]
  }
  const jwk = keys?.find(({ state }) => state === 'active')?.jwk
  if (jwk === undefined) throw new Error('it has no active key')
  return importSigningKey(jwk)
}

import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { writeFileAtomically } from '../discovery/write-file.ts'
import type { KeysSection } from '../policy/workload-policy.ts'
import { StartError } from '../refusal/exit-codes.ts'
import type { Log } from '../telemetry/log.ts'
import type { JsonWebKeyRow } from '../token/claims.ts'
import { generateSigningKey, importSigningKey } from '../token/keys.ts'

/** One row of the key file. `next` becomes `active`, `active` becomes `retired`; one is active. */
interface KeyRow {
  readonly state: 'next' | 'active' | 'retired'
  /** RFC 3339. */
  readonly notBefore: string
  /** Private. */
  readonly jwk: JsonWebKeyRow
}

const states: readonly unknown[] = ['next', 'active', 'retired'] satisfies KeyRow['state'][]

/**
 * The public halves of the authority's signing keys, as clients get them. The key is made where the file
 * is not there yet; a file that is there and damaged is never replaced, because tokens that are out would
 * die with its keys. Rejects with StartError.
 */
export async function openSigningKeys(options: {
  readonly file: string
  readonly issuer: string
  readonly now: Date
  readonly log: Log
}): Promise<KeysSection> {
  const { file, issuer, now, log } = options
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new StartError('inputMissing', `the signing keys ${file} cannot be read (${error.code})`)
  })
  if (text !== undefined) {
    const keys = publicKeysIn(text)
    if (keys !== undefined) return { issuer, keys }
    throw new StartError(
      'inputInvalid',
      `the signing keys ${file} are damaged; restore the file, or remove it to begin with a new key`,
    )
  }
  const key = makeSigningKeys(now)
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    await writeFileAtomically(file, key.text)
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    throw new StartError('cannotWrite', `the signing key ${file} cannot be kept (${code})`)
  }
  log.info({ file, kid: key.kid }, 'a signing key is made')
  return { issuer, keys: [key.publicJwk] }
}

/** The text of a new file of signing keys, with one key that is active. */
export function makeSigningKeys(now: Date): {
  readonly text: string
  readonly kid: string
  readonly publicJwk: JsonWebKeyRow
} {
  const key = generateSigningKey()
  const rows: KeyRow[] = [{ state: 'active', notBefore: now.toISOString(), jwk: key.privateJwk }]
  return { text: JSON.stringify({ keys: rows }) + '\n', kid: key.kid, publicJwk: key.publicJwk }
}

/** The public halves of all keys in a file's text; undefined where it is damaged. */
export function publicKeysIn(text: string): readonly JsonWebKeyRow[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys: readonly Partial<KeyRow>[] }
    const wellFormed = keys.every(({ state }) => states.includes(state))
    const active = keys.filter(({ state }) => state === 'active')
    if (!wellFormed || active.length !== 1) return undefined
    return keys.map(({ jwk }) => importSigningKey(jwk ?? {}).publicJwk)
  } catch {
    // The cause could show a part of a key.
    return undefined
  }
}

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { readCertificate } from '../../pki/read.ts'
import type { JsonWebKeyRow } from '../../token/claims.ts'
import type { Trust } from './snapshot.ts'

/** The local issuer: what mints service-account tokens where there is no API server. */
const localIssuer = 'https://tokenward.local/serviceaccounts'

/** Reads the trust of a state folder. Rejects with one line that names the file. */
export async function readTrust(stateFolder: string): Promise<Trust> {
  const rootFile = path.join(stateFolder, 'pki', 'root.crt')
  const keysFile = path.join(stateFolder, 'issuer', 'jwks.json')
  const bundle = await readText(rootFile)
  readCertificate(bundle, rootFile)
  return { bundle, serviceAccounts: readKeys(await readText(keysFile), keysFile) }
}

function readKeys(text: string, file: string): Trust['serviceAccounts'] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`${file} is not JSON`)
  }
  const keys = (value as { keys?: unknown } | null)?.keys
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'object' && key !== null)) {
    throw new Error(`${file} is no JWK set`)
  }
  return { issuer: localIssuer, keys: keys as readonly JsonWebKeyRow[] }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    throw new Error(`${file} cannot be read (${code})`, { cause: error })
  }
}

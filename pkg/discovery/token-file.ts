import { readFile } from 'node:fs/promises'
import { StartError } from '../refusal/exit-codes.ts'

/** Three parts in base64url (RFC 7515 7.1). */
const tokenForm = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** The token in a file that somebody else rotates. Rejects with StartError, which names the file. */
export async function readTokenFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    const why = `${path} cannot be read (${error.code ?? error.message})`
    throw new StartError('inputMissing', `the token file ${why}`)
  })
  const token = text.trim()
  if (tokenForm.test(token)) return token
  throw new StartError('inputInvalid', `the token file ${path} holds no token; is it written yet?`)
}
